//! Tests of `form.rs`.

use proptest::prelude::*;

use super::*;

fn is_list(bytes: &[u8]) -> bool {
    is_well_formed(ContentType::FileList, &Content::new(bytes))
}

#[test]
fn text_is_utf8_and_an_image_is_anything() {
    let bytes = Content::new(b"\xff\xd8\xff");
    assert!(!is_well_formed(ContentType::Text, &bytes));
    assert!(is_well_formed(ContentType::Jpeg, &bytes));
    assert!(is_well_formed(
        ContentType::Text,
        &Content::new("ü\0".as_bytes())
    ));
}

#[test]
fn a_file_list_is_absolute_paths_after_an_action() {
    assert!(is_list(b"copy\0/a"));
    assert!(is_list("cut\0/a\0/b c/ü\0".as_bytes()));
    for wrong in [
        &b""[..],
        b"copy",
        b"copy\0",
        b"move\0/a",
        b"copy\0a",
        b"copy\0/a\0\0/b",
        b"copy\0/\xff",
    ] {
        assert!(!is_list(wrong), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn line_ends_become_the_guests_and_ours_wherever_pieces_end(
        before in crate::content::PIECE_BYTES - 4..crate::content::PIECE_BYTES + 2,
        text in "[x\r\n]{0,10}",
    ) {
        let text = "y".repeat(before) + &text;
        let content = Content::new(text.as_bytes());
        let lf = text.replace("\r\n", "\n");
        prop_assert!(with_lf(&content).to_bytes() == lf.as_bytes());
        let crlf = lf.replace('\n', "\r\n");
        prop_assert!(with_crlf(&content).to_bytes() == crlf.as_bytes());
    }
}
