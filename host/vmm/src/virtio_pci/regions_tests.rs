//! What is where in the BAR.

use super::*;

#[test]
fn each_region_begins_and_ends_where_it_says() {
    let cases = [
        (0, Region::Common(0)),
        (59, Region::Common(59)),
        (60, Region::Nothing),
        (0xfff, Region::Nothing),
        (0x1000, Region::Isr),
        (0x1001, Region::Nothing),
        (0x2000, Region::Device(0)),
        (0x2fff, Region::Device(0xfff)),
        (0x3000, Region::Pending(0)),
        (0x30ff, Region::Pending(0xff)),
        (0x3100, Region::Nothing),
        (0x8000, Region::Table(0)),
        (0xffff, Region::Table(0x7fff)),
        (0x1_0000, Region::Notify(0)),
        (0x1_0001, Region::Nothing),
        (0x1_0004, Region::Notify(1)),
        (0x4_fffc, Region::Notify(0xffff)),
        (0x5_0000, Region::Nothing),
        (u64::MAX, Region::Nothing),
    ];
    for (offset, region) in cases {
        assert_eq!(Region::at(offset), region, "{offset:#x}");
    }
}

#[test]
fn a_bar_has_room_for_every_queue() {
    for (queues, bytes) in [
        (0, 0x1_0000),
        (1, 0x2_0000),
        (64, 0x2_0000),
        (16_384, 0x2_0000),
        (16_385, 0x4_0000),
        (u16::MAX, 0x8_0000),
    ] {
        assert_eq!(bar_bytes(queues), bytes, "{queues}");
        assert!(NOTIFY + notify_bytes(queues) <= bytes);
    }
}
