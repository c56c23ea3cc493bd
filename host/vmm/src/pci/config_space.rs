//! The configuration space of one PCI function (PCI 3.0, section 6.1): bytes,
//! and which bits of them a guest can write.

use crate::registers;

/// The size of configuration space, in bytes. Beyond it, where PCI Express has
/// more, there is nothing: it reads as zero.
pub(crate) const CONFIG_SPACE_BYTES: usize = 256;

/// Command register, 16 bits.
pub(crate) const COMMAND: u16 = 0x04;
/// Its bit that lets the function answer at its memory BARs.
pub(crate) const COMMAND_MEMORY: u16 = 1 << 1;
/// Its bit that lets the function write to memory.
pub(crate) const COMMAND_BUS_MASTER: u16 = 1 << 2;
/// Its bit that keeps INTx low.
pub(crate) const COMMAND_NO_INTX: u16 = 1 << 10;
/// Status register, 16 bits.
pub(crate) const STATUS: u16 = 0x06;
/// Its bit that says that INTx has a cause.
pub(crate) const STATUS_INTX: u8 = 1 << 3;
/// Its bit that says that there are capabilities.
pub(crate) const STATUS_CAPABILITIES: u16 = 1 << 4;
/// Base address register 0, 32 bits.
pub(crate) const BAR_0: u16 = 0x10;
/// Where the list of capabilities begins, 8 bits.
pub(crate) const CAPABILITIES: u16 = 0x34;
/// Which GSI INTx is on, for a guest without ACPI, 8 bits. Only guests read it.
pub(crate) const INTERRUPT_LINE: u16 = 0x3c;
/// Which of INTA to INTD the function has, 8 bits.
pub(crate) const INTERRUPT_PIN: u16 = 0x3d;

/// Who a function is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) vendor: u16,
    pub(crate) device: u16,
    pub(crate) revision: u8,
    /// Base class, subclass, programming interface.
    pub(crate) class: [u8; 3],
    pub(crate) subsystem_vendor: u16,
    pub(crate) subsystem: u16,
}

/// Configuration space.
#[derive(Debug, Clone)]
pub(crate) struct ConfigSpace {
    bytes: [u8; CONFIG_SPACE_BYTES],
    writable: [u8; CONFIG_SPACE_BYTES],
}

impl ConfigSpace {
    /// A function of header type 0 that has nothing yet.
    pub(crate) fn new(identity: Identity) -> Self {
        let mut space = Self {
            bytes: [0; CONFIG_SPACE_BYTES],
            writable: [0; CONFIG_SPACE_BYTES],
        };
        let [base_class, subclass, interface] = identity.class;
        space.set(0x00, &identity.vendor.to_le_bytes());
        space.set(0x02, &identity.device.to_le_bytes());
        space.set(0x08, &[identity.revision, interface, subclass, base_class]);
        space.set(0x2c, &identity.subsystem_vendor.to_le_bytes());
        space.set(0x2e, &identity.subsystem.to_le_bytes());
        space
    }

    /// The guest reads. What is past the end reads as zero.
    pub(crate) fn read(&self, offset: u16, into: &mut [u8]) {
        registers::read(&self.bytes, u64::from(offset), into);
    }

    /// The guest writes: those bits that it can.
    pub(crate) fn write(&mut self, offset: u16, bytes: &[u8]) {
        let masks = self.writable.iter();
        registers::write(&mut self.bytes, masks, u64::from(offset), bytes);
    }

    /// Sets bytes, whoever can write them.
    pub(crate) fn set(&mut self, offset: u16, bytes: &[u8]) {
        registers::set(&mut self.bytes, u64::from(offset), bytes);
    }

    /// Lets the guest write these bits, and no others of these bytes.
    pub(crate) fn let_write(&mut self, offset: u16, mask: &[u8]) {
        registers::set(&mut self.writable, u64::from(offset), mask);
    }

    /// Two bytes, little-endian.
    pub(crate) fn u16_at(&self, offset: u16) -> u16 {
        let mut bytes = [0; 2];
        self.read(offset, &mut bytes);
        u16::from_le_bytes(bytes)
    }

    /// Four bytes, little-endian.
    pub(crate) fn u32_at(&self, offset: u16) -> u32 {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }
}

#[cfg(test)]
#[path = "config_space_tests.rs"]
mod tests;
