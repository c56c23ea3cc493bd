#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use proptest::prelude::*;

use super::*;
use crate::memory::allocate;
use crate::spec::MemorySize;

/// Walks the tables as a processor does. Answers the physical address, where
/// there is one.
fn translate(guest: &GuestMemoryMmap, address: u64) -> Option<u64> {
    let mut table = PAGE_TABLES_ADDRESS;
    for shift in [39, 30, 21] {
        let index = address >> shift & 0x1ff;
        let entry: u64 = guest.read_obj(GuestAddress(table + index * 8)).unwrap();
        if entry & 1 == 0 {
            return None;
        }
        let base = entry & 0x000f_ffff_ffff_f000;
        if entry & 0x80 != 0 {
            return Some(base + (address & (LARGE_PAGE_BYTES - 1)));
        }
        table = base;
    }
    None
}

fn guest() -> GuestMemoryMmap {
    let guest = allocate(MemorySize::MIN).unwrap();
    write(&guest).unwrap();
    guest
}

#[test]
fn the_first_address_behind_four_gibibytes_is_not_mapped() {
    assert_eq!(translate(&guest(), GIBIBYTES << 30), None);
}

proptest! {
    #[test]
    fn all_below_four_gibibytes_is_mapped_to_itself(addresses in prop::collection::vec(0_u64..4 << 30, 64)) {
        let guest = guest();
        for address in addresses {
            prop_assert_eq!(translate(&guest, address), Some(address));
        }
    }
}
