//! Whose key is whose.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use proptest::prelude::*;

use super::*;

/// What a guest gets of what is typed in these pieces, and how often
/// the user leaves.
fn take(pieces: &[&[u8]]) -> (Vec<u8>, usize) {
    let mut keys = Keys::default();
    pieces.iter().fold((Vec::new(), 0), |mut all, piece| {
        let (bytes, leaves) = keys.take(piece);
        all.0.extend(bytes);
        (all.0, all.1 + leaves)
    })
}

#[test]
fn ctrl_a_is_ours_and_twice_the_guests() {
    let cases: [(&[u8], &[u8], usize); 9] = [
        (b"ls\r", b"ls\r", 0),
        (b"\x03\x1a\x1c\xff", b"\x03\x1a\x1c\xff", 0),
        (b"\x01x", b"", 1),
        (b"a\x01Xb", b"ab", 1),
        (b"\x01\x01", b"\x01", 0),
        (b"\x01\x01x", b"\x01x", 0),
        (b"\x01e", b"\x01e", 0),
        (b"x\x01", b"x", 0),
        (b"\x01x\x01x", b"", 2),
    ];
    for (typed, bytes, leaves) in cases {
        assert_eq!(take(&[typed]), (bytes.to_vec(), leaves), "{typed:?}");
    }
}

proptest! {
    #[test]
    fn it_does_not_matter_in_which_pieces_a_key_comes(
        typed in proptest::collection::vec(prop_oneof![Just(1_u8), Just(b'x'), any::<u8>()], 0..32),
        cut in 0_usize..32,
    ) {
        let (first, second) = typed.split_at(cut.min(typed.len()));
        prop_assert_eq!(take(&[first, second]), take(&[&typed]));
    }

    #[test]
    fn what_has_no_ctrl_a_is_the_guests_as_it_is(
        typed in proptest::collection::vec(2_u8.., 0..32),
    ) {
        prop_assert_eq!(take(&[&typed]), (typed, 0));
    }
}
