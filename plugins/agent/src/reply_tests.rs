//! Tests of `reply.rs`.

use super::*;

#[test]
fn what_is_returned_is_left_as_it_was_written() {
    let text = r#"{"return": {"a":  1.50, "b": [null]}, "id": 12}"#;
    let reply = Reply::parse(text.as_bytes()).unwrap();
    assert_eq!(reply.id, Some(Id::Number(12)));
    assert!(
        matches!(
            reply.outcome,
            Outcome::Returned(r#"{"a":  1.50, "b": [null]}"#)
        ),
        "{reply:?}"
    );
    for (text, value) in [(r#"{"return":null}"#, "null"), (r#"{"return": 7 }"#, "7")] {
        let reply = Reply::parse(text.as_bytes()).unwrap();
        assert_eq!(reply.id, None);
        assert!(matches!(reply.outcome, Outcome::Returned(found) if found == value));
    }
}

#[test]
fn an_error_has_its_class_and_words() {
    let cases = [
        ("CommandNotFound", Class::CommandNotFound),
        ("GenericError", Class::GenericError),
        ("DeviceNotFound", Class::Other),
    ];
    for (name, class) in cases {
        let error = format!(r#"{{"class": "{name}", "desc": "not \u0041"}}"#);
        let text = format!(r#"{{"id": 3, "error": {error}}}"#);
        let reply = Reply::parse(text.as_bytes()).unwrap();
        assert_eq!(reply.id, Some(Id::Number(3)));
        let Outcome::Failed(failure) = reply.outcome else {
            panic!("{reply:?}");
        };
        assert_eq!((failure.class, failure.text), (class, &*error));
        assert_eq!(failure.desc(), "not A");
    }
}

#[test]
fn long_words_of_an_error_are_not_repeated() {
    let text = format!(
        r#"{{"error": {{"class": "", "desc": "{}"}}}}"#,
        "x".repeat(1 << 20)
    );
    let Some(Reply {
        outcome: Outcome::Failed(failure),
        ..
    }) = Reply::parse(text.as_bytes())
    else {
        panic!("no error");
    };
    assert_eq!(failure.desc(), "an error of 1048578 bytes");
}

#[test]
fn an_id_that_we_never_send_is_another() {
    for id in ["-1", "1.0", "\"1\"", "null", "18446744073709551616", "{}"] {
        let text = format!(r#"{{"return": 1, "id": {id}}}"#);
        let reply = Reply::parse(text.as_bytes()).unwrap();
        assert_eq!(reply.id, Some(Id::Other), "{id}");
    }
}

#[test]
fn what_is_no_reply_is_none() {
    let cases: [&[u8]; 12] = [
        b"{}",
        br#"{"event": "x"}"#,
        br#"{"return": 1, "error": {"class": "a", "desc": "b"}}"#,
        br#"{"return": 1, "return": 2}"#,
        br#"{"error": {"class": "a"}}"#,
        br#"{"error": "a"}"#,
        br#"{"error": null}"#,
        br#"{"error": {"class": 1, "desc": "b"}}"#,
        br#"{"error": {"class": "a", "desc": 1}}"#,
        b"{\"return\": \"\xff\"}",
        b"{\"return\": \"\xc3\"}",
        br#"{"return": 1]"#,
    ];
    for bytes in cases {
        let reply = Reply::parse(bytes);
        assert!(reply.is_none(), "{reply:?}");
    }
}
