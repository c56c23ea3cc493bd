//! How a driver reaches a virtio device, whatever the bus (VIRTIO 1.2, section 4).

use core::ops::Range;

/// The device was seen by the driver.
pub const ACKNOWLEDGE: u8 = 1;
/// The driver knows it.
pub const DRIVER: u8 = 2;
/// The driver has set it up.
pub const DRIVER_OK: u8 = 4;
/// The driver has chosen features.
pub const FEATURES_OK: u8 = 8;
/// The device is broken.
pub const NEEDS_RESET: u8 = 64;

/// Where a queue's rings are, and how many entries they have.
#[derive(Debug, Clone, Copy)]
pub struct Rings {
    /// Entries.
    pub size: u16,
    /// The descriptor table.
    pub descriptors: u64,
    /// The available ring.
    pub available: u64,
    /// The used ring.
    pub used: u64,
}

/// A device's registers.
pub trait Transport {
    /// Its status.
    fn status(&self) -> u8;
    /// Writes its status.
    fn set_status(&self, status: u8);
    /// The features that it offers: word 0 or 1.
    fn features(&self, word: u32) -> u32;
    /// Chooses features.
    fn choose_features(&self, word: u32, bits: u32);
    /// How large a queue may be; 0 where there is none.
    fn queue_limit(&self, queue: u16) -> u16;
    /// Tells a queue's rings, and enables it.
    fn start_queue(&self, queue: u16, rings: Rings);
    /// Where a queue is notified, once it is started.
    fn notify(&self, queue: u16);
    /// Reads four bytes of config space.
    fn config(&self, offset: u64) -> u32;
    /// Takes what an interrupt is for, where a register says so.
    fn acknowledge(&self);
    /// Where in memory its registers are.
    fn windows(&self) -> [Range<u64>; 6];
}
