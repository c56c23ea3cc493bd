//! What a guest reads and writes of configuration space.

use proptest::prelude::*;

use super::*;

fn space() -> ConfigSpace {
    ConfigSpace::new(Identity {
        vendor: 0x1122,
        device: 0x3344,
        revision: 5,
        class: [6, 7, 8],
        subsystem_vendor: 0x9988,
        subsystem: 0x7766,
    })
}

#[test]
fn an_identity_is_where_guests_look_for_it() {
    let space = space();
    assert_eq!(space.u32_at(0x00), 0x3344_1122);
    assert_eq!(space.u32_at(0x08), 0x0607_0805);
    assert_eq!(space.u32_at(0x2c), 0x7766_9988);
}

#[test]
fn a_guest_changes_only_the_bits_that_it_can() {
    let mut space = space();
    space.set(0x10, &[0x11; 4]);
    space.let_write(0x10, &[0, 0xf0, 0xff]);
    space.write(0x0f, &[0xee; 6]);
    assert_eq!(space.u32_at(0x0c), 0);
    assert_eq!(space.u32_at(0x10), 0x11ee_e111);
    assert_eq!(space.u32_at(0x14), 0);
}

#[test]
fn a_bar_says_its_size() {
    let mut space = space();
    space.let_write(BAR_0, &0xfffe_0000_u32.to_le_bytes());
    space.write(BAR_0, &[0xff; 4]);
    assert_eq!(space.u32_at(BAR_0), 0xfffe_0000);
}

proptest! {
    #[test]
    fn any_access_is_the_same_byte_by_byte(offset: u16, bytes in prop::collection::vec(any::<u8>(), 0..9)) {
        let offset = offset % 300;
        let mut whole = space();
        whole.let_write(0, &[0x5a; CONFIG_SPACE_BYTES]);
        let mut single = whole.clone();
        whole.write(offset, &bytes);
        for (at, byte) in (offset..).zip(&bytes) {
            single.write(at, &[*byte]);
        }
        prop_assert_eq!(whole.bytes, single.bytes);
        let mut read = vec![0xaa; bytes.len()];
        whole.read(offset, &mut read);
        for (at, byte) in (offset..).zip(read) {
            prop_assert_eq!(byte, *whole.bytes.get(usize::from(at)).unwrap_or(&0));
        }
    }
}
