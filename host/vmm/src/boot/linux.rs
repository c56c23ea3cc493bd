//! Linux's boot parameters, the "zero page" (Linux, Documentation/arch/x86:
//! `boot.rst` and `zero-page.rst`).

use linux_loader::bootparam::{boot_e820_entry, boot_params, setup_header};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::{BootError, Facts};
use crate::layout::{BOOT_PARAMS_ADDRESS, COMMAND_LINE_ADDRESS};

/// What the kernel checks at the end of its first sector.
const BOOT_FLAG: u16 = 0xaa55;

/// "HdrS", what the header is known by.
const HEADER_MAGIC: u32 = 0x5372_6448;

/// A boot loader that has no number of its own.
const UNDEFINED_LOADER: u8 = 0xff;

/// An ELF kernel's alignment, which has no header to say so
/// (`CONFIG_PHYSICAL_ALIGN` at its largest).
const ELF_ALIGNMENT: u32 = 0x100_0000;

/// Writes them, on the base of a bzImage's own header.
pub(super) fn write(
    header: Option<&setup_header>,
    facts: &Facts<'_>,
    guest: &GuestMemoryMmap,
) -> Result<(), BootError> {
    Ok(guest.write_obj(params(header, facts), GuestAddress(BOOT_PARAMS_ADDRESS))?)
}

/// The parameters.
fn params(header: Option<&setup_header>, facts: &Facts<'_>) -> boot_params {
    let elf_header = setup_header {
        kernel_alignment: ELF_ALIGNMENT,
        ..setup_header::default()
    };
    // Everything below 4 GiB by layout.
    let low = |address: u64| u32::try_from(address).unwrap_or(0);
    let initrd = facts.initrd.cloned().unwrap_or_default();
    let mut params = boot_params {
        hdr: setup_header {
            boot_flag: BOOT_FLAG,
            header: HEADER_MAGIC,
            type_of_loader: UNDEFINED_LOADER,
            cmd_line_ptr: low(COMMAND_LINE_ADDRESS),
            cmdline_size: facts.command_line_bytes,
            ramdisk_image: low(initrd.start),
            ramdisk_size: low(initrd.end.saturating_sub(initrd.start)),
            ..header.copied().unwrap_or(elf_header)
        },
        acpi_rsdp_addr: facts.acpi_root,
        // Five at most, and the table takes 128.
        e820_entries: u8::try_from(facts.memory_map.len()).unwrap_or(0),
        ..boot_params::default()
    };
    let mut table = params.e820_table;
    for (slot, entry) in table.iter_mut().zip(&facts.memory_map) {
        *slot = boot_e820_entry {
            addr: entry.address,
            size: entry.bytes,
            r#type: entry.kind.number(),
        };
    }
    params.e820_table = table;
    params
}
