use super::*;
use crate::memory::allocate;
use crate::spec::MemorySize;

const LONG: Entry = Entry::Long {
    address: 0x10_0200,
    boot_params: 0x7000,
};
const PVH: Entry = Entry::Pvh {
    address: 0x100_0000,
    start_info: 0x6000,
};

#[test]
fn a_64_bit_kernel_begins_with_paging_and_its_boot_parameters_in_rsi() {
    let (general, special) = (general(LONG), special(LONG, kvm_sregs::default()));
    assert_eq!(
        (general.rip, general.rsi, general.rflags),
        (0x10_0200, 0x7000, 2)
    );
    assert_eq!(special.cr0, CR0_PROTECTED | CR0_PAGING);
    assert_eq!((special.cr3, special.cr4), (PAGE_TABLES_ADDRESS, CR4_PAE));
    assert_eq!(special.efer, 0x500);
    assert_eq!((special.cs.l, special.cs.db), (1, 0));
}

#[test]
fn a_pvh_kernel_begins_in_32_bit_mode_without_paging_and_its_start_information_in_ebx() {
    let (general, special) = (general(PVH), special(PVH, kvm_sregs::default()));
    assert_eq!((general.rip, general.rbx), (0x100_0000, 0x6000));
    assert_eq!(
        (special.cr0, special.cr4, special.efer),
        (CR0_PROTECTED, 0, 0)
    );
    assert_eq!((special.cs.l, special.cs.db), (0, 1));
}

#[test]
fn segments_are_flat_and_say_what_their_descriptors_say() {
    for entry in [LONG, PVH] {
        let special = special(entry, kvm_sregs::default());
        assert_eq!((special.cs.selector, special.cs.type_), (0x10, 0xb));
        for data in [special.ds, special.es, special.fs, special.gs, special.ss] {
            assert_eq!((data.selector, data.type_, data.db), (0x18, 3, 1));
        }
        for flat in [special.cs, special.ds] {
            assert_eq!(
                (flat.base, flat.limit, flat.g, flat.s, flat.present),
                (0, u32::MAX, 1, 1, 1)
            );
        }
        assert_eq!(
            (special.tr.type_, special.tr.s, special.tr.limit),
            (0xb, 0, 0x67)
        );
    }
}

#[test]
fn the_descriptor_table_is_in_memory_where_the_register_says() {
    let memory = allocate(MemorySize::MIN).unwrap();
    write_descriptors(PVH, &memory).unwrap();
    let special = special(PVH, kvm_sregs::default());
    let code = GuestAddress(special.gdt.base + u64::from(CODE_SELECTOR));
    assert_eq!(memory.read_obj::<u64>(code).unwrap(), CODE_32);
    assert_eq!(special.gdt.limit, 39);
}
