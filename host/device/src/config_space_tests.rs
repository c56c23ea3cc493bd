//! Config space, byte by byte.

use proptest::prelude::*;

use super::*;

fn config_space() -> ConfigSpace {
    let mut space = ConfigSpace::new(MaxPorts::new(0x1234).expect("a size of device"));
    let size = ConsoleSize {
        columns: 0x0203,
        rows: 0x0405,
    };
    assert!(space.resize(size));
    assert!(!space.resize(size), "nothing changed the second time");
    space
}

const BYTES: [u8; CONFIG_SPACE_BYTES] = [3, 2, 5, 4, 0x34, 0x12, 0, 0, 0, 0, 0, 0];

#[test]
fn it_is_little_endian_and_twelve_bytes() {
    let mut bytes = [0xff; CONFIG_SPACE_BYTES];
    config_space().read(0, &mut bytes);
    assert_eq!(bytes, BYTES);
}

#[test]
fn an_emergency_write_gives_its_lowest_byte_at_any_width() {
    let space = config_space();
    assert_eq!(space.write(8, b"!"), Some(b'!'));
    assert_eq!(space.write(8, &[b'?', 0]), Some(b'?'));
    assert_eq!(space.write(8, &[b'.', 1, 2, 3]), Some(b'.'));
}

#[test]
fn other_writes_are_ignored() {
    let space = config_space();
    for offset in [0, 2, 4, 7, 9, 12, u64::MAX] {
        assert_eq!(space.write(offset, b"xxxx"), None);
    }
    assert_eq!(space.write(8, b""), None);
    assert_eq!(
        space.write(0, &BYTES),
        None,
        "a write of all of it is no emergency"
    );
}

proptest! {
    #[test]
    fn any_read_gives_its_bytes_and_zeroes_past_the_end(offset: u64, length in 0usize..32) {
        for offset in [offset, offset % 16] {
            let mut bytes = vec![0xff; length];
            config_space().read(offset, &mut bytes);
            for (place, byte) in bytes.iter().enumerate() {
                let at = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(place));
                let wanted = at.and_then(|at| BYTES.get(at)).copied().unwrap_or(0);
                prop_assert_eq!(*byte, wanted);
            }
        }
    }
}
