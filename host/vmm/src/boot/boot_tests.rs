use linux_loader::bootparam::{boot_params, setup_header};
use linux_loader::loader::elf::start_info::{
    hvm_memmap_table_entry, hvm_modlist_entry, hvm_start_info,
};
use tempfile::TempDir;
use vm_memory::{Bytes, GuestAddress};

use super::*;
use crate::layout::{
    ACPI_TABLES, COMMAND_LINE_ADDRESS, CONVENTIONAL_END, HIGH_MEMORY, MIB, PVH_MEMORY_MAP_ADDRESS,
    PVH_MODULES_ADDRESS,
};
use crate::spec::MemorySize;
use crate::tiny_guest::{CODE_ADDRESS, HALT, elf, spec};

/// A bus without devices.
const NO_DEVICES: BusDescription = BusDescription::Pci(Vec::new());

const INITRD: &[u8] = b"070701 and so on";

/// A machine of 4 MiB with this kernel, an initrd and a command line.
fn loaded(kernel: &[u8]) -> (Entry, GuestMemoryMmap) {
    let (folder, mut spec) = files(kernel);
    spec.initrd = Some(folder.path().join("initrd"));
    spec.command_line = "console=ttyS0".to_owned();
    let guest = memory::allocate(spec.memory).unwrap();
    (
        load(&spec, &NO_DEVICES, ACPI_TABLES.start, &guest).unwrap(),
        guest,
    )
}

fn files(kernel: &[u8]) -> (TempDir, MachineSpec) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kernel"), kernel).unwrap();
    std::fs::write(folder.path().join("initrd"), INITRD).unwrap();
    let mut spec = spec(&folder.path().join("kernel"));
    spec.memory = MemorySize::new(4 * MIB).unwrap();
    (folder, spec)
}

fn bytes_at(guest: &GuestMemoryMmap, address: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    guest.read_slice(&mut bytes, GuestAddress(address)).unwrap();
    bytes
}

#[test]
fn linux_finds_all_that_it_is_told_in_its_boot_parameters() {
    let (entry, guest) = loaded(&elf(&HALT, false));
    assert_eq!(
        entry,
        Entry::Long {
            address: CODE_ADDRESS,
            boot_params: BOOT_PARAMS_ADDRESS
        }
    );
    let params: boot_params = guest.read_obj(GuestAddress(BOOT_PARAMS_ADDRESS)).unwrap();
    let setup_header {
        boot_flag,
        header,
        cmd_line_ptr,
        ramdisk_image,
        ramdisk_size,
        ..
    } = params.hdr;
    assert_eq!((boot_flag, header), (0xaa55, 0x5372_6448));
    assert_eq!({ params.acpi_rsdp_addr }, ACPI_TABLES.start);
    assert_eq!(
        bytes_at(&guest, cmd_line_ptr.into(), 14),
        b"console=ttyS0\0"
    );
    assert_eq!(u64::from(ramdisk_image), 4 * MIB - 4096);
    let size = usize::try_from(ramdisk_size).unwrap();
    assert_eq!(bytes_at(&guest, ramdisk_image.into(), size), INITRD);
    assert_eq!(params.e820_entries, 4);
    let table = params.e820_table;
    let lines = table.map(|line| (line.addr, line.size, line.r#type));
    assert_eq!(
        lines[..5],
        [
            (0, CONVENTIONAL_END, 1),
            (ACPI_TABLES.start, 0x2_0000, 2),
            (HIGH_MEMORY, 3 * MIB, 1),
            (0xe000_0000, MIB, 2),
            (0, 0, 0)
        ]
    );
}

#[test]
fn a_pvh_kernel_finds_the_same_in_its_start_information() {
    let (entry, guest) = loaded(&elf(&HALT, true));
    assert_eq!(
        entry,
        Entry::Pvh {
            address: CODE_ADDRESS,
            start_info: PVH_START_INFO_ADDRESS
        }
    );
    let info: hvm_start_info = guest
        .read_obj(GuestAddress(PVH_START_INFO_ADDRESS))
        .unwrap();
    assert_eq!((info.magic, info.version), (0x336e_c578, 1));
    assert_eq!(info.rsdp_paddr, ACPI_TABLES.start);
    assert_eq!(info.cmdline_paddr, COMMAND_LINE_ADDRESS);
    assert_eq!(bytes_at(&guest, info.cmdline_paddr, 14), b"console=ttyS0\0");
    assert_eq!(
        (info.nr_modules, info.modlist_paddr),
        (1, PVH_MODULES_ADDRESS)
    );
    let module: hvm_modlist_entry = guest.read_obj(GuestAddress(info.modlist_paddr)).unwrap();
    let size = usize::try_from(module.size).unwrap();
    assert_eq!(bytes_at(&guest, module.paddr, size), INITRD);
    assert_eq!(
        (info.memmap_entries, info.memmap_paddr),
        (4, PVH_MEMORY_MAP_ADDRESS)
    );
    let memory: hvm_memmap_table_entry = guest
        .read_obj(GuestAddress(info.memmap_paddr + 2 * 24))
        .unwrap();
    assert_eq!(
        (memory.addr, memory.size, memory.type_),
        (HIGH_MEMORY, 3 * MIB, 1)
    );
}

#[test]
fn an_initrd_that_does_not_fit_behind_the_kernel_says_how_much_would() {
    let (folder, mut spec) = files(&elf(&HALT, true));
    let initrd = folder.path().join("initrd");
    std::fs::File::create(&initrd)
        .unwrap()
        .set_len(5 * MIB)
        .unwrap();
    spec.initrd = Some(initrd);
    let guest = memory::allocate(spec.memory).unwrap();
    let error = load(&spec, &NO_DEVICES, 0, &guest).unwrap_err().to_string();
    assert!(error.contains("has 5 MiB, and 2 MiB are free"), "{error}");
}

#[test]
fn an_initrd_that_is_not_there_is_named() {
    let (folder, mut spec) = files(&elf(&HALT, true));
    spec.initrd = Some(folder.path().join("none"));
    let guest = memory::allocate(spec.memory).unwrap();
    let error = load(&spec, &NO_DEVICES, 0, &guest).unwrap_err().to_string();
    assert!(
        error.contains("cannot read the initrd") && error.contains("none"),
        "{error}"
    );
}

#[test]
fn nothing_that_a_kernel_is_told_overlaps() {
    use crate::layout::{GDT_ADDRESS, PAGE_TABLES_ADDRESS, STACK_ADDRESS};
    // What begins where, and what must end before the next begins.
    let places = [
        (GDT_ADDRESS, 5 * 8),
        (PVH_START_INFO_ADDRESS, size_of::<hvm_start_info>()),
        (PVH_MODULES_ADDRESS, size_of::<hvm_modlist_entry>()),
        (
            PVH_MEMORY_MAP_ADDRESS,
            5 * size_of::<hvm_memmap_table_entry>(),
        ),
        (BOOT_PARAMS_ADDRESS, size_of::<boot_params>()),
        (PAGE_TABLES_ADDRESS, 6 * 4096),
        (STACK_ADDRESS, 0),
        (COMMAND_LINE_ADDRESS, 2048),
        (CONVENTIONAL_END, 0),
    ];
    for pair in places.windows(2) {
        let (address, bytes) = pair[0];
        assert!(
            address + u64::try_from(bytes).unwrap() <= pair[1].0,
            "{address:#x}"
        );
    }
    assert!(memory::map(MemorySize::new(MemorySize::MAX_BYTES).unwrap()).len() <= 5);
}
