use super::*;

fn leaf(function: u32, index: u32, registers: [u32; 4]) -> kvm_cpuid_entry2 {
    let [eax, ebx, ecx, edx] = registers;
    kvm_cpuid_entry2 {
        function,
        index,
        eax,
        ebx,
        ecx,
        edx,
        ..kvm_cpuid_entry2::default()
    }
}

/// What processor `index` of `count` sees where KVM offers `leaves`.
fn seen(leaves: &[kvm_cpuid_entry2], index: u8, count: u8) -> Vec<kvm_cpuid_entry2> {
    let offers = CpuId::from_entries(leaves).unwrap();
    let cpus = CpuCount::new(count).unwrap();
    for_cpu(&offers, index, cpus, true)
        .unwrap()
        .as_slice()
        .to_vec()
}

fn registers(entries: &[kvm_cpuid_entry2], function: u32, index: u32) -> [u32; 4] {
    let entry = entries
        .iter()
        .find(|entry| (entry.function, entry.index) == (function, index))
        .unwrap();
    [entry.eax, entry.ebx, entry.ecx, entry.edx]
}

#[test]
fn a_processor_has_its_own_number_and_knows_how_many_there_are() {
    let offers = [leaf(1, 0, [0xa00f11, 0x0507_0842, 0, 0])];
    let [eax, ebx, ecx, edx] = registers(&seen(&offers, 3, 6), 1, 0);
    assert_eq!((eax, ebx), (0xa00f11, 0x0306_0842));
    assert_eq!(ecx, HYPERVISOR | DEADLINE_TIMER);
    assert_eq!(edx, MULTI_PROCESSOR);
    let [_, ebx, _, edx] = registers(&seen(&offers, 0, 1), 1, 0);
    assert_eq!((ebx >> 16, edx), (1, 0));
}

#[test]
fn topology_has_one_thread_to_a_core_and_one_package() {
    // KVM's own is replaced.
    let offers = [leaf(0xb, 0, [9, 9, 9, 9]), leaf(0x1f, 0, [9, 9, 9, 9])];
    for (count, bits) in [(1, 0), (2, 1), (3, 2), (4, 2), (64, 6)] {
        let entries = seen(&offers, count - 1, count);
        let number = u32::from(count - 1);
        assert_eq!(registers(&entries, 0xb, 0), [0, 1, 0x100, number]);
        assert_eq!(
            registers(&entries, 0xb, 1),
            [bits, count.into(), 0x201, number]
        );
        assert_eq!(registers(&entries, 0xb, 2), [0, 0, 2, number]);
        assert!(entries.iter().all(|entry| entry.function != 0x1f));
    }
}

#[test]
fn caches_belong_to_a_core_and_the_last_one_to_all() {
    // Type, level, and whatever the host had of sharing.
    let cache = |level: u32| 0xffff_c000 | level << 5 | 1;
    let offers = [
        leaf(4, 0, [cache(1), 0, 0, 0]),
        leaf(4, 3, [cache(3), 0, 0, 0]),
        leaf(4, 4, [0, 0, 0, 0]),
        leaf(0x8000_001d, 3, [cache(3), 0, 0, 0]),
    ];
    let entries = seen(&offers, 0, 4);
    assert_eq!(registers(&entries, 4, 0)[0], 3 << 26 | 0x21);
    assert_eq!(registers(&entries, 4, 3)[0], 3 << 26 | 3 << 14 | 0x61);
    assert_eq!(registers(&entries, 4, 4)[0], 0);
    assert_eq!(registers(&entries, 0x8000_001d, 3)[0], 3 << 14 | 0x61);
}

#[test]
fn amd_is_told_how_many_cores_there_are() {
    let offers = [
        leaf(0x8000_0001, 0, [0xa00f11, 0, 0, 0]),
        leaf(0x8000_0008, 0, [0x3030, 0, 0x7001, 0]),
        leaf(0x8000_001e, 0, [77, 77, 77, 77]),
    ];
    let entries = seen(&offers, 2, 4);
    assert_eq!(registers(&entries, 0x8000_0001, 0)[2], CORES_ONLY);
    assert_eq!(registers(&entries, 0x8000_0008, 0)[2], 0x2003);
    assert_eq!(registers(&entries, 0x8000_001e, 0), [2, 2, 0, 0]);
    assert_eq!(registers(&seen(&offers, 0, 1), 0x8000_0001, 0)[2], 0);
}

#[test]
fn what_kvm_says_of_itself_stays() {
    let signature = leaf(
        0x4000_0000,
        0,
        [0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d],
    );
    let entries = seen(&[signature], 0, 2);
    assert_eq!(
        registers(&entries, 0x4000_0000, 0),
        [0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d]
    );
}

#[test]
fn the_width_of_an_address_is_the_processors() {
    for (leaves, bits) in [
        (vec![leaf(0x8000_0008, 0, [0x3030, 0, 0, 0])], 48),
        (vec![leaf(1, 0, [0; 4])], 36),
    ] {
        assert_eq!(address_bits(&CpuId::from_entries(&leaves).unwrap()), bits);
    }
}
