//! What a virtio device and its transport are to each other, whatever the bus
//! (VIRTIO 1.2, section 2 and 3.1).

use std::sync::Arc;

use vm_memory::{GuestAddress, GuestMemoryMmap};
use vmm_sys_util::eventfd::EventFd;

/// A virtio device, as its transport drives it.
///
/// Called on the threads of vCPUs, one call at a time. No call may wait: the
/// guest's processor stands still meanwhile. Every number comes from the guest,
/// checked only where it says so.
pub trait VirtioDevice: Send {
    /// Which kind of device this is (VIRTIO 1.2, section 5): 3 for a console.
    fn device_id(&self) -> u16;

    /// How many virtqueues it has.
    fn queue_count(&self) -> u16;

    /// The features that it offers, the transport's own left out.
    fn features(&self) -> u64;

    /// The driver has chosen these features, and asks whether they are fine
    /// (FEATURES_OK). False leaves that bit of its status unset.
    fn accept_features(&mut self, features: u64) -> bool;

    /// Reads config space. What is past its end reads as zero.
    fn read_config(&self, offset: u64, into: &mut [u8]);

    /// Writes config space. What cannot be written is ignored.
    fn write_config(&mut self, offset: u64, bytes: &[u8]);

    /// The driver has enabled a queue, and the device is ready (DRIVER_OK). Once
    /// for each queue between two resets.
    ///
    /// # Errors
    ///
    /// What is wrong with the queue, in words: the guest's fault. The transport
    /// says that the device needs a reset.
    fn start_queue(&mut self, queue: StartedQueue) -> Result<(), String>;

    /// Gives every queue back, and forgets the driver: a reset, or the end of the
    /// machine. Guest memory is not touched any more once this returns.
    fn reset(&mut self);
}

/// A queue that a driver has set up. Its index is one of the device's; its size
/// and addresses are as the driver wrote them.
pub struct StartedQueue {
    /// Which of the device's queues.
    pub index: u16,
    /// Entries.
    pub size: u16,
    /// Descriptor table.
    pub descriptors: GuestAddress,
    /// Available ring.
    pub available: GuestAddress,
    /// Used ring.
    pub used: GuestAddress,
    /// Guest memory.
    pub memory: GuestMemoryMmap,
    /// Signalled by the driver's notifications.
    pub kick: EventFd,
    /// Tells the driver that buffers were used.
    pub used_buffers: Arc<dyn Notifier>,
    /// Tells the driver that the device needs a reset, since the queue is broken
    /// (VIRTIO 1.2, section 2.1.2).
    pub broken: Arc<dyn Notifier>,
}

/// Tells the driver something. Never blocks; may be called from any thread, also
/// after the queue has ended, when it tells nobody.
pub trait Notifier: Send + Sync {
    /// Tells it.
    fn notify(&self);
}
