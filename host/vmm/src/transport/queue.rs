//! What a driver has written of one queue, before the queue is started.

use super::features::with_half;

/// The entries that each queue offers, a power of two. A driver may take fewer.
/// Linux fills a console's receive queue with a page for each entry: this is
/// 1 MiB of a guest's memory a port, and many times what a port's task copies in
/// one turn.
pub(crate) const MAX_QUEUE_SIZE: u16 = 256;

/// Which of a queue's three parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The descriptor table.
    Descriptors,
    /// The available ring, which the driver writes.
    Available,
    /// The used ring, which the device writes.
    Used,
}

/// One queue as its driver wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueSetup {
    /// Entries: a power of two, up to [`MAX_QUEUE_SIZE`].
    pub(crate) size: u16,
    /// The driver says that this is complete.
    pub(crate) enabled: bool,
    /// The device has it.
    pub(crate) started: bool,
    /// Address of the descriptor table.
    pub(crate) descriptors: u64,
    /// Address of the available ring.
    pub(crate) available: u64,
    /// Address of the used ring.
    pub(crate) used: u64,
}

impl Default for QueueSetup {
    fn default() -> Self {
        Self {
            size: MAX_QUEUE_SIZE,
            enabled: false,
            started: false,
            descriptors: 0,
            available: 0,
            used: 0,
        }
    }
}

impl QueueSetup {
    /// A driver's size. One that cannot be is ignored, and the driver reads the
    /// old one back; so is one for a queue that is enabled.
    pub(crate) fn set_size(&mut self, size: u32) {
        let size = u16::try_from(size).unwrap_or(0);
        if !self.enabled && size.is_power_of_two() && size <= MAX_QUEUE_SIZE {
            self.size = size;
        }
    }

    /// 32 bits of a part's address: the low ones for `half` 0, the high ones for
    /// 1. Ignored where the queue is enabled.
    pub(crate) fn set_address(&mut self, part: Part, half: u32, value: u32) {
        if self.enabled {
            return;
        }
        let address = match part {
            Part::Descriptors => &mut self.descriptors,
            Part::Available => &mut self.available,
            Part::Used => &mut self.used,
        };
        *address = with_half(*address, half, value);
    }

    /// Enables the queue, or not. A queue that has started ends only by a reset
    /// of the device.
    pub(crate) fn enable(&mut self, enabled: bool) {
        self.enabled = enabled || self.started;
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
