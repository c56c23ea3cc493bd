//! Tests of `json.rs`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn record(format: Format, bytes: &[u8], cut_bytes: u64, ended: Ended) -> (String, bool) {
    let mut out = String::new();
    let line = Line {
        bytes: bytes.to_vec(),
        cut_bytes,
    };
    let understood = write(
        "2026-11-22T11:44:18.123Z",
        "org.example.0",
        format,
        &line,
        ended,
        &mut out,
    );
    (out, understood)
}

fn parsed(format: Format, bytes: &[u8]) -> Value {
    serde_json::from_str(&record(format, bytes, 0, Ended::ByGuest).0).unwrap()
}

#[test]
fn a_record_is_one_line_with_the_time_and_the_port_first() {
    let (record, understood) = record(Format::Lines, b"a \"b\"\n", 0, Ended::ByGuest);
    let expected =
        r#"{"time":"2026-11-22T11:44:18.123Z","port":"org.example.0","message":"a \"b\"\n"}"#;
    assert_eq!(record, format!("{expected}\n"));
    assert!(understood);
}

#[test]
fn a_syslog_message_has_its_parts() {
    let text = br#"<30>1 2026-11-22T11:44:18Z web-1 sshd 812 ID [a@1 b="c"] words"#;
    assert_eq!(
        parsed(Format::Syslog, text),
        json!({
            "time": "2026-11-22T11:44:18.123Z", "port": "org.example.0", "facility": "daemon",
            "severity": "info", "sent": "2026-11-22T11:44:18Z", "host": "web-1",
            "program": "sshd", "pid": "812", "id": "ID", "data": {"a@1": {"b": ["c"]}},
            "message": "words"
        })
    );
    let installer = parsed(Format::Anaconda, b"10:05:58,034 INFO anaconda: words");
    assert_eq!(
        (&installer["program"], &installer["message"]),
        (&json!("anaconda"), &json!("words"))
    );
}

#[test]
fn what_is_of_no_format_is_told_whole_and_says_so() {
    for format in [Format::Syslog, Format::Anaconda] {
        let (record, understood) = record(format, b"words", 0, Ended::ByGuest);
        assert!(record.contains(r#""message":"words""#), "{record}");
        assert!(!understood);
    }
}

#[test]
fn what_is_cut_unfinished_or_no_text_is_said() {
    let (record, _) = record(Format::Lines, b"a\xff", 7, Ended::ByUs);
    let told = "\"message\":\"a\u{fffd}\",\"cut\":7,\"unfinished\":true,\"lossy\":true}\n";
    assert!(record.ends_with(told), "{record}");
}

#[test]
fn what_steers_a_terminal_is_escaped_and_comes_back() {
    let text = "\u{1b}[31m\u{7f}\u{85}\u{202e}";
    let (record, _) = record(Format::Lines, text.as_bytes(), 0, Ended::ByGuest);
    assert!(record.contains(r"\u001b[31m\u007f\u0085\u202e"), "{record}");
    assert_eq!(parsed(Format::Lines, text.as_bytes())["message"], text);
}

proptest! {
    #[test]
    fn any_bytes_make_one_line_of_json_without_control_characters(
        bytes: Vec<u8>,
        format in prop_oneof![Just(Format::Lines), Just(Format::Syslog), Just(Format::Anaconda)],
        prefix in prop_oneof![Just(""), Just("<13>"), Just("<13>1 - - - - - [a b=\"")],
    ) {
        let bytes = [prefix.as_bytes(), &bytes].concat();
        let (record, _) = record(format, &bytes, 0, Ended::ByGuest);
        prop_assert!(record.ends_with('\n'));
        prop_assert_eq!(record.chars().filter(|character| steers(*character)).count(), 1);
        prop_assert!(serde_json::from_str::<Value>(&record).is_ok());
    }
}
