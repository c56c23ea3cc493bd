//! A driver gets what was offered, and no more.

use super::*;

#[test]
fn the_device_offers_what_the_specification_numbers() {
    assert_eq!(Features::offered().bits(), 0b111 | 0x3000_0000 | 1 << 32);
}

#[test]
fn a_driver_may_take_all_or_a_part() {
    let all = Features::accept(Features::offered().bits()).expect("all of it");
    assert!(all.version_1() && all.multiport() && all.size());
    assert!(all.emergency_write() && all.event_idx() && all.indirect_descriptors());

    let part = Features::accept(1 << 32 | 1 << 1).expect("a part of it");
    assert!(part.version_1() && part.multiport());
    assert!(!part.size() && !part.event_idx());

    let none = Features::accept(0).expect("nothing of it");
    assert_eq!(none, Features::default());
}

#[test]
fn a_driver_may_not_take_what_was_not_offered() {
    for extra in [1 << 3, 1 << 34, 1 << 63] {
        let taken = Features::offered().bits() | extra;
        assert_eq!(Features::accept(taken), Err(UnofferedFeatures(extra)));
    }
}
