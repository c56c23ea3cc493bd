//! Tests of `record.rs`.

use proptest::prelude::*;

use super::*;

fn record(bytes: &[u8], cut_bytes: u64, ended: Ended) -> String {
    let time = humantime::parse_rfc3339("2026-11-22T11:44:18.123Z").unwrap();
    let mut out = String::new();
    Prefix::new(time, "org.example.0", Output::Text).write(
        &Line {
            bytes: bytes.to_vec(),
            cut_bytes,
        },
        ended,
        &mut out,
    );
    out
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    escape(bytes, &mut out);
    out
}

#[test]
fn a_record_has_the_time_in_utc_with_milliseconds_and_the_port() {
    assert_eq!(
        record(b"hello", 0, Ended::ByGuest),
        "2026-11-22T11:44:18.123Z org.example.0 hello\n"
    );
}

#[test]
fn an_empty_line_leaves_no_blank_at_the_end() {
    assert_eq!(
        record(b"", 0, Ended::ByGuest),
        "2026-11-22T11:44:18.123Z org.example.0\n"
    );
}

#[test]
fn what_is_cut_or_unfinished_is_said() {
    let both = record(b"hello", 7, Ended::ByUs);
    assert!(
        both.ends_with(" hello \\[cut: 7 bytes more] \\[unfinished]\n"),
        "{both}"
    );
}

#[test]
fn a_guest_cannot_forge_a_mark() {
    assert!(
        record(br"hello \[unfinished]", 0, Ended::ByGuest).ends_with(" hello \\\\[unfinished]\n")
    );
}

#[test]
fn text_stays_as_it_is() {
    assert_eq!(
        escaped("Grüße, 世界 🚪 \"quoted\"".as_bytes()),
        "Grüße, 世界 🚪 \"quoted\""
    );
}

#[test]
fn what_steers_a_terminal_or_is_not_text_is_escaped() {
    assert_eq!(
        escaped(b"\x1b[31mred\x07\t\r\\"),
        r"\u{1b}[31mred\u{7}\t\r\\"
    );
    assert_eq!(escaped(b"\x00\x7f"), r"\u{0}\u{7f}");
    assert_eq!(
        escaped("\u{85}\u{202e}\u{2028}".as_bytes()),
        r"\u{85}\u{202e}\u{2028}"
    );
    assert_eq!(escaped(b"a\xff\xc3b\xe2\x82"), r"a\xff\xc3b\xe2\x82");
}

proptest! {
    #[test]
    fn any_bytes_make_one_line_without_control_characters(bytes: Vec<u8>) {
        let record = record(&bytes, 0, Ended::ByGuest);
        prop_assert!(record.ends_with('\n'));
        prop_assert_eq!(record.chars().filter(|character| character.is_control()).count(), 1);
    }

    #[test]
    fn different_bytes_make_different_text(one: Vec<u8>, other: Vec<u8>) {
        prop_assert_eq!(one == other, escaped(&one) == escaped(&other));
    }
}
