//! The table, and what is masked.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use proptest::prelude::*;

use super::*;

fn entry(vector: u8, control: u8) -> [u8; 16] {
    [
        4, 0, 0xe0, 0xfe, 0, 0, 0, 0, vector, 0, 0, 0, control, 0, 0, 0,
    ]
}

#[test]
fn a_vector_is_sent_where_nothing_masks_it() {
    let cases = [
        (0, 0, false),
        (ENABLE, 0, true),
        (ENABLE | MASK_ALL, 0, false),
        (ENABLE, 1, false),
        (MASK_ALL, 0, false),
    ];
    for (control, mask, sent) in cases {
        let mut msix = Msix::new(3);
        msix.set_control(control);
        assert_eq!(msix.write(16, &entry(0x41, mask)), 1..2);
        let message = MsiMessage {
            address: 0xfee0_0004,
            data: 0x41,
        };
        assert_eq!(
            msix.message(1),
            sent.then_some(message),
            "{control:#x}, {mask}"
        );
        assert_eq!(msix.message(0), None);
        assert_eq!(msix.message(3), None);
    }
}

#[test]
fn a_vector_is_masked_until_the_guest_unmasks_it() {
    let mut msix = Msix::new(2);
    let mut table = [0xaa; 40];
    msix.read(0, &mut table);
    let masked = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    assert_eq!(
        table,
        *[masked, masked]
            .concat()
            .iter()
            .chain(&[0; 8])
            .copied()
            .collect::<Vec<_>>()
    );
    assert!(msix.set_control(ENABLE));
    assert!(!msix.set_control(ENABLE));
    assert_eq!(msix.message(0), None);
}

#[test]
fn reserved_bits_are_not_written() {
    let mut msix = Msix::new(1);
    msix.write(0, &[0xff; 16]);
    let mut read = [0; 16];
    msix.read(0, &mut read);
    assert_eq!(read[..1], [0xfc]);
    assert_eq!(read[12..], [1, 0, 0, 0]);
}

#[test]
fn no_table_is_larger_than_2048() {
    assert_eq!(Msix::new(u16::MAX).vectors(), 2048);
}

proptest! {
    #[test]
    fn a_write_says_which_vectors_it_reached(
        offset in 0..80_u64,
        bytes in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let mut msix = Msix::new(4);
        let before = msix.table.clone();
        let changed = msix.write(offset, &bytes);
        prop_assert!(changed.end <= 4 && changed.len() <= 2);
        for (vector, (before, after)) in (0..4).zip(before.iter().zip(&msix.table)) {
            prop_assert!(before == after || changed.contains(&vector));
        }
        prop_assert_eq!(msix.write(u64::MAX - offset, &bytes).len(), 0);
    }
}
