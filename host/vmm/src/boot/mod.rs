//! Puts a kernel, its initrd and what it is told into guest memory, and says how
//! the first processor begins.

mod command_line;
mod error;
mod initrd;
mod kernel;
mod linux;
pub(crate) mod page_tables;
mod pvh;

use std::ops::Range;

use vm_memory::GuestMemoryMmap;

pub use self::error::BootError;
use self::kernel::Protocol;
use crate::acpi::BusDescription;
use crate::layout::{BOOT_PARAMS_ADDRESS, PVH_START_INFO_ADDRESS};
use crate::memory;
use crate::spec::MachineSpec;

/// How the first processor begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// In 64-bit mode, with page tables, and RSI at the boot parameters (Linux's
    /// boot protocol, "64-bit boot protocol").
    Long {
        /// The first instruction.
        address: u64,
        /// The boot parameters.
        boot_params: u64,
    },
    /// In 32-bit mode without paging, and EBX at the start information (Xen's PVH
    /// boot protocol).
    Pvh {
        /// The first instruction.
        address: u64,
        /// The start information.
        start_info: u64,
    },
}

/// What a kernel is told, whatever the protocol.
struct Facts<'a> {
    initrd: Option<&'a Range<u64>>,
    command_line_bytes: u32,
    acpi_root: u64,
    memory_map: Vec<memory::MemoryMapEntry>,
}

/// Loads everything. `acpi_root` is where the ACPI tables begin.
pub(crate) fn load(
    spec: &MachineSpec,
    bus: &BusDescription,
    acpi_root: u64,
    guest: &GuestMemoryMmap,
) -> Result<Entry, BootError> {
    let kernel = kernel::load(&spec.kernel, spec.memory, guest)?;
    let initrd = spec
        .initrd
        .as_deref()
        .map(|path| initrd::load(path, &kernel, spec.memory, guest))
        .transpose()?;
    let facts = Facts {
        initrd: initrd.as_ref(),
        command_line_bytes: command_line::write(spec, bus, kernel.max_command_line, guest)?,
        acpi_root,
        memory_map: memory::map(spec.memory),
    };
    match kernel.protocol {
        Protocol::Linux(header) => {
            linux::write(header.as_deref(), &facts, guest)?;
            page_tables::write(guest)?;
            Ok(Entry::Long {
                address: kernel.entry,
                boot_params: BOOT_PARAMS_ADDRESS,
            })
        }
        Protocol::Pvh => {
            pvh::write(&facts, guest)?;
            Ok(Entry::Pvh {
                address: kernel.entry,
                start_info: PVH_START_INFO_ADDRESS,
            })
        }
    }
}

#[cfg(test)]
#[path = "boot_tests.rs"]
mod tests;
