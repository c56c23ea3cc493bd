//! How ACPI's tables say to power off, and to reset (ACPI 6.5, sections 4.8, 5.2
//! and 7.4.2).

use crate::boot::Boot;
use crate::cpu;
use crate::memory::bytes;

/// The tables' fixed part.
const HEADER_BYTES: usize = 36;
/// No table of a virtual machine is longer.
const TABLE_BYTES: usize = 1 << 20;
/// FADT: the machine has no fixed registers.
const HARDWARE_REDUCED: u32 = 1 << 20;
/// FADT: the machine has a reset register.
const HAS_RESET: u32 = 1 << 10;
/// PM1 status: the power button was pressed.
const BUTTON: u16 = 1 << 8;
/// PM1 control: go to sleep now.
const SLEEP: u16 = 1 << 13;

/// What the tables say.
pub struct Acpi {
    fixed: &'static [u8],
    differentiated: &'static [u8],
}

impl Acpi {
    /// Finds the tables; none where the machine has none.
    pub fn find(boot: &Boot) -> Option<Self> {
        let root = match boot.acpi_root {
            0 => (0xe_0000..0x10_0000)
                .step_by(16)
                .find(|place| bytes(*place, 8) == b"RSD PTR ")?,
            told => told,
        };
        let (list, entry_bytes) = match cpu::load64(root + 24) {
            extended if cpu::load8(root + 15) >= 2 && extended != 0 => (extended, 8),
            _ => (u64::from(cpu::load32(root + 16)), 4),
        };
        let entries = table(list).get(HEADER_BYTES..)?.chunks_exact(entry_bytes);
        let fixed = entries
            .map(|entry| table(number(entry)))
            .find(|table| table.starts_with(b"FACP"))?;
        let differentiated = match number(fixed.get(140..148).unwrap_or_default()) {
            0 => number(fixed.get(40..44)?),
            extended => extended,
        };
        Some(Self {
            fixed,
            differentiated: table(differentiated),
        })
    }

    /// Powers the machine off. It returns where that does not work.
    pub fn power_off(&self) {
        let Some(sleep_type) = self.sleep_type() else {
            return;
        };
        if self.flags() & HARDWARE_REDUCED != 0 {
            self.write_register(244, sleep_type << 2 | 1 << 5);
        } else {
            let value = u16::from(sleep_type) << 10 | SLEEP;
            cpu::out16(self.port(64), value);
        }
    }

    /// Resets the machine. It returns where that does not work.
    pub fn reset(&self) {
        if self.flags() & HAS_RESET != 0 {
            let value = self.fixed.get(128).copied().unwrap_or_default();
            self.write_register(116, value);
        }
    }

    /// Whether the power button was pressed; never, where there is none to see.
    pub fn button_pressed(&self) -> bool {
        let port = self.port(56);
        port != 0 && cpu::in16(port) & BUTTON != 0
    }

    fn flags(&self) -> u32 {
        number(self.fixed.get(112..116).unwrap_or_default()) as u32
    }

    fn port(&self, at: usize) -> u16 {
        number(self.fixed.get(at..at + 4).unwrap_or_default()) as u16
    }

    /// Writes a register that a generic address structure describes: in memory or
    /// a port.
    fn write_register(&self, at: usize, value: u8) {
        let Some(&[space, _, _, _, ref address @ ..]) = self.fixed.get(at..at + 12) else {
            return;
        };
        match (space, number(address)) {
            (0, address) => cpu::store8(address, value),
            (_, port) => cpu::out8(port as u16, value),
        }
    }

    /// The first number of the package named `_S5_`: a name, PackageOp, a length of
    /// one to four bytes, a count, and a byte with or without its prefix.
    fn sleep_type(&self) -> Option<u8> {
        let last = self.differentiated.len().checked_sub(8)?;
        let begin = self.differentiated.as_ptr().addr() as u64;
        let name = u32::from_le_bytes(*b"_S5_");
        let at = (0..last).find(|at| cpu::load32(begin + *at as u64) == name)?;
        let package = self.differentiated.get(at + 4..)?.strip_prefix(b"\x12")?;
        let length_bytes = 1 + usize::from(package.first()? >> 6);
        match *package.get(length_bytes + 1..)? {
            [0x0a, value, ..] | [value, ..] => Some(value & 7),
            [] => None,
        }
    }
}

fn table(address: u64) -> &'static [u8] {
    let length = cpu::load32(address + 4) as usize;
    bytes(address, length.min(TABLE_BYTES))
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
