//! Feature bits, and their halves.

use proptest::prelude::*;

use super::*;

#[test]
fn what_the_transport_has_not_is_not_offered() {
    assert_eq!(
        OfferedFeatures::new(u64::MAX).bits(),
        !(1 << 33 | 0xf << 37)
    );
    assert_eq!(OfferedFeatures::new(0).bits(), 1 << 32);
}

#[test]
fn a_driver_chooses_of_what_is_offered_and_always_version_1() {
    let offered = OfferedFeatures::new(0b110);
    let cases = [
        (VERSION_1, true),
        (VERSION_1 | 0b110, true),
        (VERSION_1 | 0b10, true),
        (0b110, false),
        (0, false),
        (VERSION_1 | 0b1, false),
        (u64::MAX, false),
    ];
    for (chosen, allowed) in cases {
        assert_eq!(offered.allow(chosen), allowed, "{chosen:#x}");
    }
}

proptest! {
    #[test]
    fn two_halves_are_the_whole(bits: u64, other: u64) {
        let low = with_half(other, 0, half(bits, 0));
        prop_assert_eq!(half(low, 1), half(other, 1));
        prop_assert_eq!(with_half(low, 1, half(bits, 1)), bits);
    }

    #[test]
    fn there_are_two_halves(bits: u64, select in 2..=u32::MAX, value: u32) {
        prop_assert_eq!(half(bits, select), 0);
        prop_assert_eq!(with_half(bits, select, value), bits);
    }
}
