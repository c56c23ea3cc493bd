//! Tests of `request.rs`.

use super::*;

fn request(line: &str) -> Request {
    parse(line.as_bytes()).unwrap().1
}

fn error(line: &[u8]) -> String {
    parse(line).unwrap_err().0
}

#[test]
fn each_request_is_read() {
    let cases = [
        (
            r#"{"do":"put","type":"image/png","selection":"primary","data":"aGk=","more":true}"#,
            Request::Put {
                selection: Selection::Primary,
                kind: ContentType::Png,
                part: ContentPart {
                    bytes: b"hi".into(),
                    more: true,
                },
            },
        ),
        (
            r#"{"do":"data","data":"aGk="}"#,
            Request::Data(ContentPart {
                bytes: b"hi".into(),
                more: false,
            }),
        ),
        (
            r#"{"do":"get"}"#,
            Request::Get {
                selection: Selection::Clipboard,
                kind: ContentType::Text,
            },
        ),
        (r#" { "do" : "watch" } "#, Request::Watch),
        (r#"{"do":"decide"}"#, Request::Decide),
        (
            r#"{"do":"answer","ask":7,"allow":true}"#,
            Request::Answer {
                ask: 7,
                allow: true,
            },
        ),
        (
            r#"{"do":"clear","selection":"secondary"}"#,
            Request::Clear {
                selection: Selection::Secondary,
            },
        ),
    ];
    for (line, wanted) in cases {
        assert_eq!(request(line), wanted, "{line}");
    }
}

#[test]
fn a_request_may_have_a_number_of_the_clients() {
    assert_eq!(parse(br#"{"do":"watch","id":7}"#).unwrap().0, Some(7));
    assert_eq!(parse(br#"{"do":"watch"}"#).unwrap().0, None);
}

#[test]
fn base64_may_be_escaped_as_json_allows() {
    let wanted = Request::Data(ContentPart {
        bytes: vec![0xff; 3],
        more: false,
    });
    assert_eq!(request(r#"{"do":"data","data":"\/\/\/\u002f"}"#), wanted);
}

#[test]
fn what_is_wrong_with_a_line_is_said() {
    let deep = "[".repeat(70_000);
    let nested = format!(r#"{{"do":{}"#, "{\"do\":".repeat(10_000));
    let cases = [
        (&b""[..], "not a request in JSON"),
        (b"put", "not a request in JSON"),
        (b"{\"do\":\"get\"} x", "not a request in JSON"),
        (b"{\"do\":\"\xff\"}", "not a request in JSON"),
        (b"{}", "missing field `do`"),
        (b"{\"do\":\"get\",\"tpye\":\"x\"}", "unknown field `tpye`"),
        (b"{\"do\":\"get\",\"do\":\"put\"}", "duplicate field"),
        (b"{\"do\":\"fly\"}", "`do` is `fly`: it can be `put`"),
        (
            b"{\"do\":\"get\",\"type\":\"image/webp\"}",
            "`type` is `image/webp`",
        ),
        (
            b"{\"do\":\"get\",\"selection\":\"x\"}",
            "`selection` is `x`",
        ),
        (b"{\"do\":\"put\",\"data\":\"a\"}", "`data` is not base64"),
        (
            b"{\"do\":\"put\",\"data\":\"aGk=aGk=\"}",
            "`data` is not base64",
        ),
        (b"{\"do\":\"answer\",\"ask\":1}", "needs `allow`"),
        (
            b"{\"do\":\"answer\",\"ask\":-1,\"allow\":true}",
            "not a request in JSON",
        ),
        (b"{\"do\":[1]}", "not a request in JSON"),
        (deep.as_bytes(), "not a request in JSON"),
        (nested.as_bytes(), "not a request in JSON"),
    ];
    for (line, wanted) in cases {
        let said = error(line);
        assert!(said.contains(wanted), "{said}");
        assert!(said.len() < 300, "{said}");
    }
}

#[test]
fn a_word_is_shown_in_part_where_it_is_long() {
    let said = error(format!(r#"{{"do":"{}"}}"#, "ü".repeat(30_000)).as_bytes());
    assert!(said.contains(&"ü".repeat(40)) && said.len() < 300, "{said}");
}
