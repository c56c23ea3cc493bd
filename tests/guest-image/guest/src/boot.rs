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

impl Protocol {
    /// Whose it is.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pvh => "PVH",
            Self::Linux => "Linux",
        }
    }
}

/// What the loader left.
pub struct Boot {
    /// By which protocol.
    pub protocol: Protocol,
    /// The words to go by.
    pub command_line: &'static [u8],
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
        self.words()
            .any(|other| strip(other, word).is_some_and(<[u8]>::is_empty))
    }

    /// What follows `NAME=` on the command line.
    pub fn value(&self, name: &str) -> Option<&'static [u8]> {
        let value = |word| strip(word, name)?.strip_prefix(b"=");
        self.words().find_map(value)
    }

    /// The number that follows `NAME=` on the command line.
    pub fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.value(name).and_then(number).unwrap_or(otherwise)
    }

    /// The command line's words.
    pub fn words(&self) -> impl Iterator<Item = &'static [u8]> {
        self.command_line.split(|byte| *byte == b' ')
    }
}

/// What follows a prefix. By the processor's own comparison: the compiler's, of
/// something constant, takes vector registers.
pub fn strip(word: &'static [u8], prefix: &str) -> Option<&'static [u8]> {
    let (first, rest) = word.split_at_checked(prefix.len())?;
    let place = |bytes: &[u8]| bytes.as_ptr().addr() as u64;
    let length = prefix.len() as u64;
    memory::same(place(first), place(prefix.as_bytes()), length).then_some(rest)
}

/// A number in decimal, or in hexadecimal after `0x`.
pub fn number(text: &[u8]) -> Option<u64> {
    let (digits, base) = match text.strip_prefix(b"0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let digit = |byte: &u8| (*byte as char).to_digit(base).map(u64::from);
    digits.iter().try_fold(0, |number, byte| {
        Some(number * u64::from(base) + digit(byte)?)
    })
}

fn text(address: u64) -> &'static [u8] {
    if address == 0 {
        return &[];
    }
    let line = memory::bytes(address, LINE_BYTES);
    line.split(|byte| *byte == 0).next().unwrap_or_default()
}
