//! The device status, as far as a driver moves it (VIRTIO 1.2, section 2.1).

/// The driver has found the device.
pub(crate) const ACKNOWLEDGE: u8 = 1;
/// It knows how to drive it.
pub(crate) const DRIVER: u8 = 2;
/// It is ready: queues may run.
pub(crate) const DRIVER_OK: u8 = 4;
/// The features are settled.
pub(crate) const FEATURES_OK: u8 = 8;
/// The device cannot go on without a reset. The device's own bit.
pub(crate) const NEEDS_RESET: u8 = 64;
/// The driver has given up.
pub(crate) const FAILED: u8 = 128;

/// The bits that a driver has set, and that the device went along with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Status(u8);

impl Status {
    /// What the driver reads, but for [`NEEDS_RESET`].
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// Whether the driver is ready.
    pub(crate) fn is_running(self) -> bool {
        self.has(DRIVER_OK)
    }

    /// Whether the features are settled, and cannot be changed.
    pub(crate) fn has_features(self) -> bool {
        self.has(FEATURES_OK)
    }

    /// After a driver's write that is not zero, which is a reset. Bits are set
    /// one after the other and never cleared. FEATURES_OK stays clear where
    /// `accept`, asked once at most, says no, and DRIVER_OK without it.
    pub(crate) fn advance(self, written: u8, accept: impl FnOnce() -> bool) -> Self {
        let mut next = Self(self.0 | written & (ACKNOWLEDGE | DRIVER | FAILED));
        if written & FEATURES_OK != 0 && !self.has_features() && accept() {
            next.0 |= FEATURES_OK;
        }
        if written & DRIVER_OK != 0 && next.has_features() {
            next.0 |= DRIVER_OK;
        }
        next
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
