//! The feature bits that the device offers, and what a driver took of them.
//!
//! Bits that belong to a transport (vhost-user's protocol features) are its
//! door's business: it masks them before they come here.

use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};

/// Feature bits of the device itself (VIRTIO 1.2, section 5.3.3).
const SIZE: u32 = 0;
const MULTIPORT: u32 = 1;
const EMERGENCY_WRITE: u32 = 2;

/// Every bit that the device offers.
const OFFERED: u64 = bit(SIZE)
    | bit(MULTIPORT)
    | bit(EMERGENCY_WRITE)
    | bit(VIRTIO_RING_F_INDIRECT_DESC)
    | bit(VIRTIO_RING_F_EVENT_IDX)
    | bit(VIRTIO_F_VERSION_1);

const fn bit(number: u32) -> u64 {
    1u64.wrapping_shl(number)
}

/// A set of feature bits, each of which the device offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u64);

/// A driver took features that were not offered (guest's fault; VIRTIO 1.2,
/// section 2.2.1). The device must not become live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the guest's driver accepted features that were not offered: {0:#x}")]
pub struct UnofferedFeatures(pub u64);

impl Features {
    /// All that the device can do.
    pub const fn offered() -> Self {
        Self(OFFERED)
    }

    /// What a driver took, as it wrote it.
    ///
    /// # Errors
    ///
    /// [`UnofferedFeatures`] names the bits that the device never offered.
    pub fn accept(driver_bits: u64) -> Result<Self, UnofferedFeatures> {
        match driver_bits & !OFFERED {
            0 => Ok(Self(driver_bits)),
            extra => Err(UnofferedFeatures(extra)),
        }
    }

    /// The bits, as a bus carries them.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether the driver speaks VIRTIO 1.0 or later.
    pub const fn version_1(self) -> bool {
        self.has(VIRTIO_F_VERSION_1)
    }

    /// Whether there are control queues, and ports other than port 0.
    pub const fn multiport(self) -> bool {
        self.has(MULTIPORT)
    }

    /// Whether the driver wants to know a console's size.
    pub const fn size(self) -> bool {
        self.has(SIZE)
    }

    /// Whether the driver may write single bytes through config space.
    pub const fn emergency_write(self) -> bool {
        self.has(EMERGENCY_WRITE)
    }

    /// Whether notifications are suppressed by index, not by flag.
    pub const fn event_idx(self) -> bool {
        self.has(VIRTIO_RING_F_EVENT_IDX)
    }

    /// Whether a descriptor may point to a table of its own.
    pub const fn indirect_descriptors(self) -> bool {
        self.has(VIRTIO_RING_F_INDIRECT_DESC)
    }

    const fn has(self, number: u32) -> bool {
        self.0 & bit(number) != 0
    }
}

#[cfg(test)]
#[path = "features_tests.rs"]
mod tests;
