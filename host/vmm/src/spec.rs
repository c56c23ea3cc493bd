//! What a machine is to be: what its owner chooses, checked.

use std::path::PathBuf;

use crate::layout::{MIB, PAGE_BYTES};

/// A machine, as its owner wants it.
#[derive(Debug, Clone)]
pub struct MachineSpec {
    /// The kernel's file: a bzImage, or an ELF vmlinux with a PVH note or a
    /// 64-bit entry.
    pub kernel: PathBuf,
    /// The initial ramdisk's file.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line. A machine with [`Transport::Mmio`] adds its
    /// devices at the end, but before a `--`.
    pub command_line: String,
    /// Memory.
    pub memory: MemorySize,
    /// Processors.
    pub cpus: CpuCount,
    /// The bus that its devices are on.
    pub transport: Transport,
}

/// The bus that a machine's virtio devices are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// PCI, which every distribution's kernel and Windows know.
    #[default]
    Pci,
    /// Bare registers, announced on the command line and in ACPI. A kernel that
    /// listens to both finds the second one taken, and says so in its log.
    Mmio,
}

/// How much memory a guest has: whole pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemorySize(u64);

impl MemorySize {
    /// Less holds no kernel: a freestanding one needs a few pages beyond the
    /// first mebibyte.
    pub const MIN_BYTES: u64 = 2 * MIB;

    /// The least.
    pub const MIN: Self = Self(Self::MIN_BYTES);

    /// KVM takes up to 8 TiB in one piece, and this is half of it. What a host has,
    /// and what its processors can address, is looked at when a machine is built.
    pub const MAX_BYTES: u64 = 4 << 40;

    /// `bytes`, rounded up to whole pages. None below
    /// [`MIN_BYTES`](Self::MIN_BYTES) and above [`MAX_BYTES`](Self::MAX_BYTES).
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        (Self::MIN_BYTES..=Self::MAX_BYTES)
            .contains(&bytes)
            .then(|| Self(bytes.next_multiple_of(PAGE_BYTES)))
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// In mebibytes, rounded down: for people.
    #[must_use]
    pub fn mebibytes(self) -> u64 {
        self.0 / MIB
    }
}

/// How many processors a guest has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuCount(u8);

impl CpuCount {
    /// One.
    pub const ONE: Self = Self(1);

    /// A thread each: more of them than most hosts have processors help nobody,
    /// and stay far below the 255 that a local APIC's number can name.
    pub const MAX: u8 = 64;

    /// None for zero, and above [`MAX`](Self::MAX).
    #[must_use]
    pub fn new(count: u8) -> Option<Self> {
        (1..=Self::MAX).contains(&count).then_some(Self(count))
    }

    /// As a number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}
