//! The MSI-X capability's state: a table of messages, and masks (PCI 3.0,
//! section 6.8.2). Pure: who is pending is known to [`super::interrupts`].

use std::ops::Range;

use crate::registers;
use crate::wiring::MsiMessage;

/// How many vectors a table can have.
pub(crate) const MAX_VECTORS: u16 = 2048;
/// The bytes of a vector's entry: address, data, control.
const ENTRY_BYTES: usize = 16;
/// The bytes of the largest table.
pub(super) const TABLE_BYTES: u32 = 2048 * 16;
/// The bytes of its pending bits.
pub(super) const PENDING_BYTES: u32 = 2048 / 8;

/// Message control: whether messages are sent at all.
pub(super) const ENABLE: u16 = 1 << 15;
/// Message control: whether all are masked.
pub(super) const MASK_ALL: u16 = 1 << 14;

/// Which bits of an entry a guest can write: not the lowest of an address, and
/// of the control its mask.
const WRITABLE: [u8; ENTRY_BYTES] = [
    0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // address
    0xff, 0xff, 0xff, 0xff, // data
    1, 0, 0, 0, // control
];

/// An entry that no guest has touched: bit 0 of its control masks it.
const MASKED: [u8; ENTRY_BYTES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];

/// A table of vectors.
pub(super) struct Msix {
    table: Vec<[u8; ENTRY_BYTES]>,
    enabled: bool,
    masked: bool,
}

impl Msix {
    /// Messages are not sent, and each vector is masked.
    pub(super) fn new(vectors: u16) -> Self {
        Self {
            table: vec![MASKED; usize::from(vectors.min(MAX_VECTORS))],
            enabled: false,
            masked: false,
        }
    }

    /// How many vectors there are.
    pub(super) fn vectors(&self) -> u16 {
        u16::try_from(self.table.len()).unwrap_or(MAX_VECTORS)
    }

    /// Whether the driver is told by messages.
    pub(super) fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// What the message control register says. Returns whether that is new.
    pub(super) fn set_control(&mut self, control: u16) -> bool {
        let enabled = std::mem::replace(&mut self.enabled, control & ENABLE != 0);
        let masked = std::mem::replace(&mut self.masked, control & MASK_ALL != 0);
        (enabled, masked) != (self.enabled, self.masked)
    }

    /// What to send for a vector, now. None where it is masked.
    pub(super) fn message(&self, vector: u16) -> Option<MsiMessage> {
        let entry = self.table.get(usize::from(vector))?;
        let [a, b, c, d, e, f, g, h, i, j, k, l, control, ..] = *entry;
        let sent = self.enabled && !self.masked && control & 1 == 0;
        sent.then_some(MsiMessage {
            address: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            data: u32::from_le_bytes([i, j, k, l]),
        })
    }

    /// Reads the table. What is past its end reads as zero.
    pub(super) fn read(&self, offset: u64, into: &mut [u8]) {
        registers::read(self.table.as_flattened(), offset, into);
    }

    /// Writes the table. Returns the vectors that this may have changed.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Range<u16> {
        let masks = WRITABLE.iter().cycle();
        registers::write(self.table.as_flattened_mut(), masks, offset, bytes);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(bytes.len()).div_ceil(ENTRY_BYTES);
        let vector = |entry: usize| u16::try_from(entry).unwrap_or(u16::MAX).min(self.vectors());
        vector(start / ENTRY_BYTES)..vector(end)
    }
}

#[cfg(test)]
#[path = "msix_tests.rs"]
mod tests;
