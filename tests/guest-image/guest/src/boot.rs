//! What a boot loader tells.

use crate::cpu;
use crate::memory;

/// A command line ends by a zero before this, as Linux's does.
const LINE_BYTES: usize = 2048;

/// How the guest was started.
#[derive(Debug, Clone, Copy)]
pub enum Protocol {
    /// At the PVH entry.
    Pvh,
    /// At Linux's 64-bit entry.
    Linux,
}

/// What the loader left.
pub struct Boot {
    /// By which protocol.
    pub protocol: Protocol,
    /// The words to go by.
    pub command_line: &'static str,
    /// Where ACPI's root pointer is, if the loader says so.
    pub acpi_root: u64,
}

impl Boot {
    /// Reads what the loader left: `hvm_start_info` (protocol 0) or
    /// `boot_params` (protocol 1).
    pub fn read(info: u64, protocol: u64) -> Self {
        let (protocol, command_line, acpi_root) = if protocol == 0 {
            let line = cpu::load64(info + 24);
            (Protocol::Pvh, line, cpu::load64(info + 32))
        } else {
            let line = u64::from(cpu::load32(info + 0x228));
            (Protocol::Linux, line, cpu::load64(info + 0x70))
        };
        Self {
            protocol,
            command_line: text(command_line),
            acpi_root,
        }
    }

    /// Whether the command line has this word.
    pub fn has(&self, word: &str) -> bool {
        self.command_line
            .split_ascii_whitespace()
            .any(|other| other == word)
    }

    /// What follows `NAME=` on the command line.
    pub fn value(&self, name: &str) -> Option<&'static str> {
        self.command_line
            .split_ascii_whitespace()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The number that follows `NAME=` on the command line.
    pub fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.value(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    }
}

fn text(address: u64) -> &'static str {
    if address == 0 {
        return "";
    }
    let line = memory::bytes(address, LINE_BYTES);
    let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
    str::from_utf8(line).unwrap_or_default()
}
