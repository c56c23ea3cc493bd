//! Tests of `content.rs`.

use proptest::prelude::*;

use super::*;

#[test]
fn pieces_are_full_but_for_the_last() {
    let bytes: Vec<u8> = (0..=250).cycle().take(PIECE_BYTES * 2 + 5).collect();
    let mut content = Content::default();
    bytes.chunks(1000).for_each(|part| content.push(part));
    let lengths: Vec<_> = content.pieces().iter().map(Vec::len).collect();
    assert_eq!(lengths, [PIECE_BYTES, PIECE_BYTES, 5]);
    assert_eq!(content.size(), bytes.len());
    assert!(content.to_bytes() == bytes);
}

#[test]
fn one_byte_at_a_time_takes_no_more_memory() {
    let mut content = Content::default();
    (0..PIECE_BYTES).for_each(|_| content.push(b"x"));
    assert_eq!(content.pieces().len(), 1);
}

#[test]
fn no_content_has_no_pieces_and_is_utf8() {
    let content = Content::new(b"");
    assert_eq!(content.size(), 0);
    assert!(content.pieces().is_empty());
    assert!(content.is_utf8());
}

#[test]
fn a_character_may_lie_over_the_end_of_a_piece() {
    for text in ["ü", "€", "😀"] {
        for before in PIECE_BYTES - 4..=PIECE_BYTES {
            let bytes = ["x".repeat(before), text.repeat(3)].concat();
            assert!(Content::new(bytes.as_bytes()).is_utf8(), "{text} {before}");
        }
    }
}

#[test]
fn a_character_that_is_torn_is_no_utf8() {
    for torn in [&b"\xe2\x82"[..], b"\xe2\x82x", b"\xff", b"\x80"] {
        for before in [0, PIECE_BYTES - 2, PIECE_BYTES - 1, PIECE_BYTES] {
            let bytes = [&vec![b'x'; before], torn].concat();
            assert!(!Content::new(&bytes).is_utf8(), "{torn:?} {before}");
        }
    }
}

proptest! {
    #[test]
    fn it_is_utf8_where_all_of_it_is(
        before in PIECE_BYTES - 6..PIECE_BYTES + 2,
        bytes in proptest::collection::vec(
            prop_oneof![Just(b'x'), Just(0xf0), Just(0x9f), Just(0x98), Just(0x80), Just(0xc3)],
            0..12,
        ),
    ) {
        let bytes = [vec![b'x'; before], bytes].concat();
        prop_assert_eq!(Content::new(&bytes).is_utf8(), str::from_utf8(&bytes).is_ok());
    }
}
