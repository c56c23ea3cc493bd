//! The features that the transport has a say in (VIRTIO 1.2, section 6).

/// The driver speaks VIRTIO 1.0 or later. Demanded: there is no legacy device.
pub(crate) const VERSION_1: u64 = 1 << 32;
/// Addresses are the platform's, behind an IOMMU. There is none.
const ACCESS_PLATFORM: u64 = 1 << 33;
/// Virtual functions. There are none.
const SR_IOV: u64 = 1 << 37;
/// Notifications carry indices. An eventfd carries nothing.
const NOTIFICATION_DATA: u64 = 1 << 38;
/// The device says what a notification carries. Its queue's index, as ever.
const NOTIF_CONFIG_DATA: u64 = 1 << 39;
/// A queue can be reset by itself. A device here ends all at once.
const RING_RESET: u64 = 1 << 40;

/// What a driver may choose of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OfferedFeatures(u64);

impl OfferedFeatures {
    /// A device's own features, with the transport's.
    pub(crate) fn new(device: u64) -> Self {
        const NOT_OURS: u64 =
            ACCESS_PLATFORM | SR_IOV | NOTIFICATION_DATA | NOTIF_CONFIG_DATA | RING_RESET;
        Self(device & !NOT_OURS | VERSION_1)
    }

    /// The bits.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Whether a driver may have chosen these (section 2.2.1).
    pub(crate) fn allow(self, chosen: u64) -> bool {
        chosen & !self.0 == 0 && chosen & VERSION_1 != 0
    }
}

/// One half of 64 feature bits: the low one for 0, the high one for 1. There are
/// no others.
pub(crate) fn half(bits: u64, select: u32) -> u32 {
    let [a, b, c, d, e, f, g, h] = bits.to_le_bytes();
    match select {
        0 => u32::from_le_bytes([a, b, c, d]),
        1 => u32::from_le_bytes([e, f, g, h]),
        _ => 0,
    }
}

/// The bits with one half replaced.
pub(crate) fn with_half(bits: u64, select: u32, value: u32) -> u64 {
    match select {
        0 => bits & (u64::from(u32::MAX) << 32) | u64::from(value),
        1 => bits & u64::from(u32::MAX) | u64::from(value) << 32,
        _ => bits,
    }
}

#[cfg(test)]
#[path = "features_tests.rs"]
mod tests;
