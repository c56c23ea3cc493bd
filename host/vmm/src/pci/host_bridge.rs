//! The host bridge at 00:00.0. It does nothing: a guest finds it, and so knows
//! that there is a bus (Linux looks for one before it trusts the bus).

use super::PciFunction;
use super::config_space::{ConfigSpace, Identity};

/// The generic host bridge that QEMU has: no guest has a driver or a quirk for
/// it.
const IDENTITY: Identity = Identity {
    vendor: 0x1b36,
    device: 0x0008,
    revision: 0,
    class: [0x06, 0x00, 0x00],
    subsystem_vendor: 0x1af4,
    subsystem: 0x1100,
};

/// The host bridge.
pub(super) struct HostBridge(ConfigSpace);

impl HostBridge {
    pub(super) fn new() -> Self {
        Self(ConfigSpace::new(IDENTITY))
    }
}

impl PciFunction for HostBridge {
    fn memory_bytes(&self) -> u32 {
        0
    }

    fn place(&mut self, _address: u32) {}

    fn read_config(&mut self, offset: u16, into: &mut [u8]) {
        self.0.read(offset, into);
    }

    fn write_config(&mut self, _offset: u16, _bytes: &[u8]) {}

    fn read_memory(&mut self, _address: u64, _into: &mut [u8]) -> bool {
        false
    }

    fn write_memory(&mut self, _address: u64, _bytes: &[u8]) -> bool {
        false
    }

    fn reset(&mut self) {}
}
