//! The device's config space: twelve bytes (VIRTIO 1.2, section 5.3.4).
//!
//! `cols` and `rows` (16 bits each, port 0's console), `max_nr_ports` and
//! `emerg_wr` (32 bits each), little-endian.

use crate::layout::MaxPorts;

/// The size of config space, in bytes.
pub const CONFIG_SPACE_BYTES: usize = 12;

/// Where `emerg_wr` begins, in bytes.
const EMERGENCY_WRITE_OFFSET: u64 = 8;

/// A console's size, in characters. 0 where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConsoleSize {
    /// Characters in a row.
    pub columns: u16,
    /// Rows on the screen.
    pub rows: u16,
}

/// What a driver reads and writes beside the queues.
#[derive(Debug, Clone)]
pub struct ConfigSpace {
    console_size: ConsoleSize,
    max_ports: MaxPorts,
}

impl ConfigSpace {
    /// The config space of a device of this size; port 0's console size is not
    /// known yet.
    pub fn new(max_ports: MaxPorts) -> Self {
        Self {
            console_size: ConsoleSize::default(),
            max_ports,
        }
    }

    /// Fills `into` from `offset` on. Bytes past the end read as 0.
    pub fn read(&self, offset: u64, into: &mut [u8]) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.to_bytes().into_iter().skip(start);
        for (place, byte) in into.iter_mut().zip(bytes.chain(std::iter::repeat(0))) {
            *place = byte;
        }
    }

    /// A driver's write. Returns the character of an emergency write: a write
    /// of any width to `emerg_wr`, whose lowest byte counts. A driver may do
    /// that before it has set up anything else. All other fields are read-only,
    /// and writes to them are ignored.
    pub fn write(&self, offset: u64, data: &[u8]) -> Option<u8> {
        match offset {
            EMERGENCY_WRITE_OFFSET => data.first().copied(),
            _ => None,
        }
    }

    /// Sets the size of port 0's console. Returns whether it changed, and so
    /// whether the bus must tell the driver of a configuration change.
    pub fn resize(&mut self, size: ConsoleSize) -> bool {
        std::mem::replace(&mut self.console_size, size) != size
    }

    fn to_bytes(&self) -> [u8; CONFIG_SPACE_BYTES] {
        let [c0, c1] = self.console_size.columns.to_le_bytes();
        let [r0, r1] = self.console_size.rows.to_le_bytes();
        let [m0, m1, m2, m3] = self.max_ports.get().to_le_bytes();
        [c0, c1, r0, r1, m0, m1, m2, m3, 0, 0, 0, 0]
    }
}

#[cfg(test)]
#[path = "config_space_tests.rs"]
mod tests;
