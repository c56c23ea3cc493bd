#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use proptest::prelude::*;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend};

use super::*;

const GIB: u64 = 1 << 30;

fn size(bytes: u64) -> MemorySize {
    MemorySize::new(bytes).unwrap()
}

fn parts_of(bytes: u64) -> Vec<(u64, u64)> {
    parts(size(bytes)).collect()
}

#[test]
fn memory_leaves_the_last_gibibyte_below_four_to_devices() {
    assert_eq!(parts_of(512 * MIB), [(0, 512 * MIB)]);
    assert_eq!(parts_of(3 * GIB), [(0, 3 * GIB)]);
    assert_eq!(parts_of(3 * GIB + 4096), [(0, 3 * GIB), (4 * GIB, 4096)]);
    assert_eq!(parts_of(8 * GIB), [(0, 3 * GIB), (4 * GIB, 5 * GIB)]);
}

#[test]
fn a_size_has_bounds_and_whole_pages() {
    assert_eq!(MemorySize::new(MemorySize::MIN_BYTES - 1), None);
    assert_eq!(MemorySize::new(MemorySize::MAX_BYTES + 1), None);
    assert_eq!(
        size(MemorySize::MIN_BYTES + 1).bytes(),
        MemorySize::MIN_BYTES + 4096
    );
    assert_eq!(size(MemorySize::MAX_BYTES).bytes(), MemorySize::MAX_BYTES);
}

#[test]
fn guest_memory_is_zero_and_ends_where_it_should() {
    let memory = allocate(size(2 * MIB)).unwrap();
    assert_eq!(
        memory.read_obj::<u64>(GuestAddress(2 * MIB - 8)).unwrap(),
        0
    );
    assert!(!memory.address_in_range(GuestAddress(2 * MIB)));
}

#[test]
fn more_memory_than_the_host_has_is_refused_with_both_numbers() {
    let host = host_bytes().unwrap();
    if host < MemorySize::MAX_BYTES {
        let error = allocate(size(MemorySize::MAX_BYTES))
            .unwrap_err()
            .to_string();
        assert!(error.contains("4194304 MiB"), "{error}");
        assert!(
            error.contains(&format!("this host has {} MiB", host / MIB)),
            "{error}"
        );
    }
}

#[test]
fn memory_that_a_processor_cannot_address_is_refused() {
    // The hole moves what is above 3 GiB up by one.
    assert!(check_reach(size(63 * GIB), 36).is_ok());
    let error = check_reach(size(63 * GIB + 4096), 36)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("64512 MiB") && error.contains("36 bits"),
        "{error}"
    );
    assert!(check_reach(size(3 * GIB), 32).is_ok());
    assert!(check_reach(size(MemorySize::MAX_BYTES), 255).is_ok());
}

#[test]
fn the_hosts_memory_is_read_from_its_own_words() {
    let words = "MemTotal:        4026532 kB\nMemFree:          219940 kB\n";
    assert_eq!(total_bytes(words), Some(4_026_532 * 1024));
    for odd in [
        "",
        "MemTotal: kB",
        "MemTotal: -1 kB",
        "MemTotal: 99999999999999999999 kB",
        "MemTotal: 18446744073709551615 kB",
    ] {
        assert_eq!(total_bytes(odd), None, "{odd}");
    }
}

proptest! {
    #[test]
    fn the_map_is_in_order_and_has_all_memory_but_the_pcs_hole(
        bytes in MemorySize::MIN_BYTES..=MemorySize::MAX_BYTES
    ) {
        let size = size(bytes);
        let map = map(size);
        for pair in map.windows(2) {
            prop_assert!(pair[0].address + pair[0].bytes <= pair[1].address);
        }
        let ram: u64 = map
            .iter()
            .filter(|entry| entry.kind == MemoryKind::Ram)
            .map(|entry| entry.bytes)
            .sum();
        prop_assert_eq!(ram + HIGH_MEMORY - CONVENTIONAL_END, size.bytes());
        for entry in map.iter().filter(|entry| entry.kind == MemoryKind::Ram) {
            let end = entry.address + entry.bytes;
            let there = parts(size).any(|(from, bytes)| from <= entry.address && end <= from + bytes);
            prop_assert!(there, "no memory at {:#x}", entry.address);
        }
    }
}
