//! What a PVH kernel is told (Xen, `public/arch-x86/hvm/start_info.h`).

use linux_loader::loader::elf::start_info::{
    XEN_HVM_START_MAGIC_VALUE, hvm_memmap_table_entry, hvm_modlist_entry, hvm_start_info,
};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::{BootError, Facts};
use crate::layout::{
    COMMAND_LINE_ADDRESS, PVH_MEMORY_MAP_ADDRESS, PVH_MODULES_ADDRESS, PVH_START_INFO_ADDRESS,
};

/// The version of the structure that has a memory map.
const VERSION: u32 = 1;

/// Writes the start information, and what it points to.
pub(super) fn write(facts: &Facts<'_>, guest: &GuestMemoryMmap) -> Result<(), BootError> {
    if let Some(initrd) = facts.initrd {
        let module = hvm_modlist_entry {
            paddr: initrd.start,
            size: initrd.end.saturating_sub(initrd.start),
            ..hvm_modlist_entry::default()
        };
        guest.write_obj(module, GuestAddress(PVH_MODULES_ADDRESS))?;
    }
    let entry_bytes = u64::try_from(size_of::<hvm_memmap_table_entry>()).unwrap_or(0);
    let mut address = PVH_MEMORY_MAP_ADDRESS;
    for entry in &facts.memory_map {
        let line = hvm_memmap_table_entry {
            addr: entry.address,
            size: entry.bytes,
            type_: entry.kind.number(),
            reserved: 0,
        };
        guest.write_obj(line, GuestAddress(address))?;
        address = address.saturating_add(entry_bytes);
    }
    let start_info = hvm_start_info {
        magic: XEN_HVM_START_MAGIC_VALUE,
        version: VERSION,
        nr_modules: facts.initrd.is_some().into(),
        modlist_paddr: facts.initrd.map_or(0, |_| PVH_MODULES_ADDRESS),
        cmdline_paddr: COMMAND_LINE_ADDRESS,
        rsdp_paddr: facts.acpi_root,
        memmap_paddr: PVH_MEMORY_MAP_ADDRESS,
        // Five at most.
        memmap_entries: u32::try_from(facts.memory_map.len()).unwrap_or(0),
        ..hvm_start_info::default()
    };
    Ok(guest.write_obj(start_info, GuestAddress(PVH_START_INFO_ADDRESS))?)
}
