//! What a guest reads of the function, byte for byte where a driver counts on
//! it. That the list can be walked is tested by the driver that walks it.

use super::*;

fn space() -> ConfigSpace {
    config_space(3, 64, 65, Gsi(11))
}

#[test]
fn a_console_is_who_linux_and_windows_look_for() {
    let space = space();
    let expected = [
        (0x00, 0x1043_1af4),
        (0x04, 0x0010_0000),
        (0x08, 0x0780_0001),
        (0x0c, 0),
        (0x2c, 0x1100_1af4),
        (0x34, 0x40),
        (0x3c, 0x010b),
    ];
    for (offset, value) in expected {
        assert_eq!(space.u32_at(offset), value, "{offset:#x}");
    }
}

#[test]
fn the_table_of_vectors_is_one_smaller_than_it_says_and_its_places_are_in_bar_0() {
    let space = space();
    assert_eq!(space.u32_at(MSIX.into()) >> 16, 64);
    assert_eq!(space.u32_at(MSIX_CONTROL + 2), TABLE);
    assert_eq!(space.u32_at(MSIX_CONTROL + 6), PENDING);
}

#[test]
fn a_guest_writes_what_it_must_and_nothing_else() {
    let mut space = space();
    space.write(0, &[0xff; 256]);
    let written = [
        (0x00, 0x1043_1af4),
        (0x04, 0x0010_0406),
        (0x10, 0xfffe_0000),
        (0x14, 0),
        (0x30, 0),
        (0x3c, 0x01ff),
        (MSIX.into(), 0xc040_4c11),
        (COMMON_CAPABILITY.into(), 0x0110_5c09),
        (WINDOW_BAR, 0xff),
    ];
    for (offset, value) in written {
        assert_eq!(space.u32_at(offset), value, "{offset:#x}");
    }
}

#[test]
fn a_window_leads_to_what_the_bar_has() {
    let cases = [
        (0, 8, 1, true),
        (0, 8, 4, true),
        (0, 6, 2, true),
        (0, 6, 4, false),
        (0, 8, 0, false),
        (0, 8, 3, false),
        (0, 8, 8, false),
        (0, 8, u32::MAX, false),
        (1, 8, 4, false),
        (0xff, 8, 4, false),
    ];
    for (bar, offset, bytes, fine) in cases {
        let mut space = space();
        space.write(WINDOW_BAR, &[bar]);
        space.write(WINDOW_OFFSET, &u32::to_le_bytes(offset));
        space.write(WINDOW_LENGTH, &bytes.to_le_bytes());
        assert_eq!(
            Window::of(&space).is_some(),
            fine,
            "{bar}, {offset}, {bytes}"
        );
    }
}

#[test]
fn an_access_touches_the_window_where_it_has_a_byte_of_it() {
    let cases = [
        (WINDOW_DATA, 1, true),
        (WINDOW_DATA, 0, false),
        (WINDOW_DATA - 1, 1, false),
        (WINDOW_DATA - 1, 2, true),
        (WINDOW_DATA + 3, 8, true),
        (WINDOW_DATA + 4, 8, false),
        (u16::MAX, 8, false),
    ];
    for (offset, bytes, touches) in cases {
        assert_eq!(touches_window(offset, bytes), touches, "{offset}, {bytes}");
    }
}
