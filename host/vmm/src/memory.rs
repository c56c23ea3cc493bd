//! Guest memory: which addresses have some, and what a kernel is told of them.

use vm_memory::{GuestAddress, GuestMemoryMmap};

use crate::layout::{
    ACPI_TABLES, CONVENTIONAL_END, DEVICE_HOLE, HIGH_MEMORY, MIB, PCI_CONFIG_WINDOW,
};
use crate::spec::MemorySize;

/// Why a guest has no memory: the configuration's fault where it asks for more
/// than there is, or the host's.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// More than the host has altogether.
    #[error(
        "the guest is to have {asked_mib} MiB of memory, and this host has {host_mib} MiB; give the \
         guest less"
    )]
    MoreThanHost {
        /// What the guest is to have, in MiB.
        asked_mib: u64,
        /// What there is, in MiB.
        host_mib: u64,
    },
    /// More than a processor can address.
    #[error(
        "the guest is to have {asked_mib} MiB of memory, and this host's processors address {bits} \
         bits of it; give the guest less"
    )]
    OutOfReach {
        /// What the guest is to have, in MiB.
        asked_mib: u64,
        /// The width of a physical address.
        bits: u8,
    },
    /// The host does not give it.
    #[error(
        "cannot get {asked_mib} MiB of memory for the guest: {reason}; give the guest less, or \
         raise the limit of this process (`ulimit -v`)"
    )]
    Refused {
        /// What the guest is to have, in MiB.
        asked_mib: u64,
        /// What the system says.
        reason: String,
    },
}

/// What a part of the physical address space is to a kernel. The numbers are
/// E820's, which PVH shares (ACPI 6.5, 15.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryKind {
    /// Memory, free for use.
    Ram,
    /// Not to be used.
    Reserved,
}

impl MemoryKind {
    /// As a kernel is told.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Ram => 1,
            Self::Reserved => 2,
        }
    }
}

/// One line of the memory map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemoryMapEntry {
    /// The first address.
    pub(crate) address: u64,
    /// In bytes.
    pub(crate) bytes: u64,
    /// What it is.
    pub(crate) kind: MemoryKind,
}

/// Where memory ends below 4 GiB.
pub(crate) fn low_end(size: MemorySize) -> u64 {
    size.bytes().min(DEVICE_HOLE.start)
}

/// The parts that memory is made of: below the hole, and above it what is left.
pub(crate) fn parts(size: MemorySize) -> impl Iterator<Item = (u64, u64)> {
    let low = low_end(size);
    let high = size.bytes().saturating_sub(low);
    [(0, low), (DEVICE_HOLE.end, high)]
        .into_iter()
        .filter(|(_, bytes)| *bytes > 0)
}

/// What a kernel is told: in order, without overlaps. Of the devices' hole PCI's
/// configuration space alone is named: Linux uses it only where it is reserved
/// here, and gives no BAR an address that is.
pub(crate) fn map(size: MemorySize) -> Vec<MemoryMapEntry> {
    let entry = |address, end: u64, kind| MemoryMapEntry {
        address,
        bytes: end.saturating_sub(address),
        kind,
    };
    let mut map = vec![
        entry(0, CONVENTIONAL_END, MemoryKind::Ram),
        entry(ACPI_TABLES.start, ACPI_TABLES.end, MemoryKind::Reserved),
        entry(HIGH_MEMORY, low_end(size), MemoryKind::Ram),
        entry(
            PCI_CONFIG_WINDOW.start,
            PCI_CONFIG_WINDOW.end,
            MemoryKind::Reserved,
        ),
    ];
    map.extend(
        parts(size)
            .filter(|(address, _)| *address >= DEVICE_HOLE.end)
            .map(|(address, bytes)| MemoryMapEntry {
                address,
                bytes,
                kind: MemoryKind::Ram,
            }),
    );
    map
}

/// Refuses memory that ends where addresses of so many bits do not reach.
pub(crate) fn check_reach(size: MemorySize, bits: u8) -> Result<(), MemoryError> {
    let end = parts(size)
        .map(|(address, bytes)| address.saturating_add(bytes))
        .max()
        .unwrap_or(0);
    let reach = 1_u64.checked_shl(bits.into()).unwrap_or(u64::MAX);
    if end > reach {
        let asked_mib = size.mebibytes();
        return Err(MemoryError::OutOfReach { asked_mib, bits });
    }
    Ok(())
}

/// Memory of this size, all zero. The host gives its pages when they are first
/// used.
pub(crate) fn allocate(size: MemorySize) -> Result<GuestMemoryMmap, MemoryError> {
    let asked_mib = size.mebibytes();
    if let Some(host) = host_bytes()
        && size.bytes() > host
    {
        let host_mib = host / MIB;
        return Err(MemoryError::MoreThanHost {
            asked_mib,
            host_mib,
        });
    }
    let refused = |reason: &dyn std::fmt::Display| MemoryError::Refused {
        asked_mib,
        reason: reason.to_string(),
    };
    let ranges = parts(size)
        .map(|(address, bytes)| Ok((GuestAddress(address), usize::try_from(bytes)?)))
        .collect::<Result<Vec<_>, std::num::TryFromIntError>>()
        .map_err(|error| refused(&error))?;
    GuestMemoryMmap::from_ranges(&ranges).map_err(|error| refused(&error))
}

/// How much memory this host has, where it says so.
fn host_bytes() -> Option<u64> {
    total_bytes(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// The first line of `/proc/meminfo`: `MemTotal: 4026532 kB`.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
