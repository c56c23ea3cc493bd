//! Tests of `command.rs`.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Request {
    Request::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_command_is_read_with_what_its_client_calls_it() {
    let request = parse(r#"{"execute": "guest-x", "arguments": {"a": 1}, "id": {"b": [2.50]}}"#);
    assert_eq!(request.command, Command::plain("guest-x").with("a", 1));
    assert_eq!(request.id.as_deref(), Some(r#"{"b": [2.50]}"#));
    assert_eq!(parse(r#"{"execute": "a"}"#).id, None);
    let null = parse(r#"{"execute": "a", "id": null}"#);
    assert_eq!(null.id.as_deref(), Some("null"));
}

#[test]
fn what_is_no_command_says_why() {
    let cases: [(&[u8], &str); 9] = [
        (b"{}", "execute"),
        (br#"{"execute": 1}"#, "string"),
        (br#"{"execute": "a", "execute": "b"}"#, "duplicate"),
        (br#"{"execute": "a", "arguments": []}"#, "map"),
        (br#"{"execute": "a", "control": {}}"#, "control"),
        (br#"{'execute': 'a'}"#, "key must be a string"),
        (b"{\"execute\": \"\xc3\"}", "unicode"),
        (br#"{"execute": "a"]"#, "expected"),
        (br#"{"execute": "\ud800"}"#, "escape"),
    ];
    for (bytes, word) in cases {
        let error = Request::parse(bytes).unwrap_err().to_string();
        let text = String::from_utf8_lossy(bytes);
        assert!(error.starts_with("no command: "), "{text}: {error}");
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn what_a_client_makes_long_is_not_kept_or_repeated() {
    let long = "x".repeat(1 << 16);
    for text in [
        format!(r#"{{"execute": "a", "id": "{long}"}}"#),
        format!(r#"{{"execute": "a", "{long}": 1}}"#),
    ] {
        let error = Request::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.len() < 250, "{}", error.len());
    }
    let longest = format!(r#"{{"execute": "a", "id": "{}"}}"#, "x".repeat(1022));
    assert!(Request::parse(longest.as_bytes()).is_ok());
}

#[test]
fn the_agent_gets_what_was_read_and_not_what_was_written() {
    let twice = r#"{"execute":"guest-file-open","arguments":{"path":"/a","path":"\/b"},"id":"x"}"#;
    let request = parse(twice);
    assert_eq!(request.command.text("path"), Some("/b"));
    let sent = String::from_utf8(request.command.encode(7)).unwrap();
    let wanted = "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/b\"},\"id\":7}\n";
    assert_eq!(sent, wanted);
    let plain = Command::plain("guest-ping").encode(8);
    assert_eq!(plain, b"{\"execute\":\"guest-ping\",\"id\":8}\n");
}

proptest! {
    #[test]
    fn a_command_written_and_read_is_the_same(name in ".{0,20}", key in ".{0,9}", text in ".{0,20}", number: i64, id: u64) {
        let command = Command::plain(&name).with(&key, vec![Value::from(text), number.into()]);
        let bytes = command.encode(id);
        prop_assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        let request = Request::parse(&bytes).unwrap();
        prop_assert_eq!(request.command, command);
        prop_assert_eq!(request.id, Some(id.to_string()));
    }
}
