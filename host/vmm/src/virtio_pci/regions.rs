//! What is where in a device's BAR 0. Each region has pages of its own, so that
//! a guest can map one without another (and a guest that is nested in it, too).

use std::ops::Range;

use super::msix::{MAX_VECTORS, PENDING_BYTES, TABLE_BYTES};
use crate::kicks::NOTIFY_SPACING;

/// The common configuration (VIRTIO 1.2, section 4.1.4.3), and its size.
pub(super) const COMMON: u32 = 0;
/// Up to `queue_reset`, its last field, in bytes.
pub(super) const COMMON_BYTES: u32 = 60;
/// The ISR status (section 4.1.4.5): one byte.
pub(super) const ISR: u32 = 0x1000;
/// Its size in bytes.
pub(super) const ISR_BYTES: u32 = 1;
/// The device's own configuration (section 4.1.4.6), and its size: a page,
/// whatever the device has. What is past its end reads as zero.
pub(super) const DEVICE: u32 = 0x2000;
/// Its size in bytes.
pub(super) const DEVICE_BYTES: u32 = 0x1000;
/// The MSI-X pending bits.
pub(super) const PENDING: u32 = 0x3000;
/// The MSI-X table. As large as a table can be.
pub(super) const TABLE: u32 = 0x8000;
/// The notifications (section 4.1.4.4), one for each queue, to the end.
pub(super) const NOTIFY: u32 = 0x1_0000;

const _: () = assert!(
    TABLE + MAX_VECTORS as u32 * 16 <= NOTIFY,
    "room for the table"
);

/// The part of a BAR that an access is to, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    /// The common configuration.
    Common(u64),
    /// The ISR status.
    Isr,
    /// The device's configuration.
    Device(u64),
    /// The pending bits.
    Pending(u64),
    /// The vectors.
    Table(u64),
    /// A queue's notification. It need not exist.
    Notify(u16),
    /// Nothing: reads as zero.
    Nothing,
}

impl Region {
    /// What is at this offset of the BAR.
    pub(super) fn at(offset: u64) -> Self {
        let within = |start: u32, bytes: u32| {
            let start = u64::from(start);
            let range: Range<u64> = start..start.saturating_add(u64::from(bytes));
            range
                .contains(&offset)
                .then(|| offset.saturating_sub(start))
        };
        let spacing = u64::from(NOTIFY_SPACING);
        if let Some(offset) = within(COMMON, COMMON_BYTES) {
            Self::Common(offset)
        } else if within(ISR, ISR_BYTES).is_some() {
            Self::Isr
        } else if let Some(offset) = within(DEVICE, DEVICE_BYTES) {
            Self::Device(offset)
        } else if let Some(offset) = within(PENDING, PENDING_BYTES) {
            Self::Pending(offset)
        } else if let Some(offset) = within(TABLE, TABLE_BYTES) {
            Self::Table(offset)
        } else if let Some(offset) = offset.checked_sub(u64::from(NOTIFY))
            && offset.is_multiple_of(spacing)
            && let Ok(queue) = u16::try_from(offset.checked_div(spacing).unwrap_or(0))
        {
            Self::Notify(queue)
        } else {
            Self::Nothing
        }
    }
}

/// The size of a device's notifications, in bytes.
pub(super) fn notify_bytes(queues: u16) -> u32 {
    u32::from(queues).saturating_mul(NOTIFY_SPACING)
}

/// The size of a device's BAR, in bytes: a power of two, 512 KiB at most.
pub(super) fn bar_bytes(queues: u16) -> u32 {
    NOTIFY
        .saturating_add(notify_bytes(queues))
        .next_power_of_two()
}

#[cfg(test)]
#[path = "regions_tests.rs"]
mod tests;
