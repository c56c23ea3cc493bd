//! Escaping of foreign bytes.

use super::*;

#[test]
fn printable_text_stays_as_it_is() {
    let text = "org.qemu.guest_agent.0: 'naïve' \"日本\"";
    assert_eq!(Escaped::new(text).to_string(), text);
}

#[test]
fn terminal_sequences_line_ends_and_bidi_controls_are_escaped() {
    let shown = Escaped::new("\u{1b}[31mred\r\n\u{202e}x\u{9b}").to_string();
    assert_eq!(shown, "\\u{1b}[31mred\\r\\n\\u{202e}x\\u{9b}");
}

#[test]
fn bytes_that_are_not_utf8_are_shown_in_hexadecimal() {
    assert_eq!(Escaped::new(b"a\xff\xc3").to_string(), "a\\xff\\xc3");
}

#[test]
fn an_escape_in_the_input_cannot_be_taken_for_one_of_ours() {
    assert_eq!(Escaped::new("\\n").to_string(), "\\\\n");
}

#[test]
fn long_input_is_cut_and_says_by_how_much() {
    let shown = Escaped::new(&[b'a'; 300]).to_string();
    assert_eq!(shown, format!("{}... (44 more bytes)", "a".repeat(256)));
    assert_eq!(
        Escaped::new("abc").at_most(2).to_string(),
        "ab... (1 more bytes)"
    );
    assert_eq!(Escaped::new("abc").at_most(3).to_string(), "abc");
    assert_eq!(
        Escaped::new(b"\xff\xff").at_most(1).to_string(),
        "\\xff... (1 more bytes)"
    );
}

#[test]
fn a_line_stays_one_and_keeps_backslashes() {
    assert_eq!(line("a\\b\tc\r\nd\u{7}"), "a\\b\\tc\\r\\nd\\u{7}");
}

#[test]
fn lines_keep_their_ends_tabs_and_backslashes() {
    assert_eq!(lines("a\\b\tc\r\nd\u{7}\re\n"), "a\\b\tc\r\nd\\u{7}\\re\n");
}
