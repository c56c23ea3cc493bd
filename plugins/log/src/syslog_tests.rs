//! Tests of `syslog.rs`.

use proptest::prelude::*;

use super::*;

/// Facility, severity, time, host, program, process, id and words.
type Parts<'a> = [&'a str; 8];

fn parts(text: &str) -> Parts<'_> {
    let message = parse(text).unwrap_or_else(|| panic!("{text} is no message"));
    [
        message.facility,
        message.severity,
        message.sent,
        message.host,
        message.program,
        message.pid,
        message.id,
        Some(message.message),
    ]
    .map(|part| part.unwrap_or("-"))
}

#[test]
fn the_examples_of_rfc_5424_are_taken_apart() {
    // Section 6.5; the first has the mark of UTF-8 before its words.
    assert_eq!(
        parts(
            "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed"
        ),
        [
            "auth",
            "crit",
            "2003-10-11T22:14:15.003Z",
            "mymachine.example.com",
            "su",
            "-",
            "ID47",
            "'su root' failed"
        ]
    );
    assert_eq!(
        parts("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time"),
        [
            "local4",
            "notice",
            "2003-08-24T05:14:15.000003-07:00",
            "192.0.2.1",
            "myproc",
            "8710",
            "-",
            "%% It's time"
        ]
    );
    let text = r#"<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application"][examplePriority@32473 class="high"]"#;
    let message = parse(text).unwrap();
    assert_eq!(message.message, "");
    assert_eq!(message.data["exampleSDID@32473"]["iut"], ["3"]);
    assert_eq!(
        message.data["exampleSDID@32473"]["eventSource"],
        ["Application"]
    );
    assert_eq!(message.data["examplePriority@32473"]["class"], ["high"]);
}

#[test]
fn structured_data_is_unescaped_and_may_repeat_itself() {
    let message =
        parse(r#"<13>1 - - - - - [a ip="1" ip="2" q="\"\\\]\n]"][b][a ip="3"] words"#).unwrap();
    assert_eq!(message.data["a"]["ip"], ["1", "2", "3"]);
    assert_eq!(message.data["a"]["q"], [r#""\]\n]"#]);
    assert!(message.data["b"].is_empty());
    assert_eq!(message.message, "words");
}

#[test]
fn messages_of_rfc_3164_and_what_senders_make_of_it_are_taken_apart() {
    let cases: [(&str, Parts<'_>); 12] = [
        // Section 5.4.
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            [
                "auth",
                "crit",
                "Oct 11 22:14:15",
                "mymachine",
                "su",
                "-",
                "-",
                "'su root' failed",
            ],
        ),
        (
            "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
            [
                "user",
                "notice",
                "Feb  5 17:32:18",
                "10.0.0.99",
                "-",
                "-",
                "-",
                "Use the BFG!",
            ],
        ),
        // A local sender's.
        (
            "<30>Nov 24 14:00:01 sshd[812]: Server listening",
            [
                "daemon",
                "info",
                "Nov 24 14:00:01",
                "-",
                "sshd",
                "812",
                "-",
                "Server listening",
            ],
        ),
        // rsyslog's, with its own time.
        (
            "<30>2026-11-24T14:00:01.123456+00:00 web-1 sshd[812]: x",
            [
                "daemon",
                "info",
                "2026-11-24T14:00:01.123456+00:00",
                "web-1",
                "sshd",
                "812",
                "-",
                "x",
            ],
        ),
        (
            "<30>Nov 24 14:00:01 fe80::1 sshd[812]: x",
            [
                "daemon",
                "info",
                "Nov 24 14:00:01",
                "fe80::1",
                "sshd",
                "812",
                "-",
                "x",
            ],
        ),
        (
            "<30>Nov 24 14:00:01 host",
            [
                "daemon",
                "info",
                "Nov 24 14:00:01",
                "-",
                "-",
                "-",
                "-",
                "host",
            ],
        ),
        // The kernel's.
        (
            "<6>usb 1-1: new device",
            [
                "kern",
                "info",
                "-",
                "-",
                "-",
                "-",
                "-",
                "usb 1-1: new device",
            ],
        ),
        (
            "<6>[ 12.3] usb 1-1: new",
            [
                "kern",
                "info",
                "-",
                "-",
                "-",
                "-",
                "-",
                "[ 12.3] usb 1-1: new",
            ],
        ),
        (
            "<191>kernel: x",
            ["local7", "debug", "-", "-", "kernel", "-", "-", "x"],
        ),
        ("<0>", ["kern", "emerg", "-", "-", "-", "-", "-", ""]),
        (
            "<13>app[: x",
            ["user", "notice", "-", "-", "-", "-", "-", "app[: x"],
        ),
        (
            "<13>app:",
            ["user", "notice", "-", "-", "app", "-", "-", ""],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parts(text), expected, "{text}");
    }
}

#[test]
fn a_part_that_is_not_what_it_should_be_is_among_the_words_whole() {
    for words in [
        "1 2003-10-11T22:14:15.003Z host app - ID47",
        "1 2003-10-11T22:14:15.003Z host app - ID47 words",
        "1  host app - - -",
        "1 - - - - - [",
        "1 - - - - - []",
        "1 - - - - - [a b]",
        r#"1 - - - - - [a b="c]"#,
        r#"1 - - - - - [a b="c\"]"#,
        r#"1 - - - - - [a b="c" ]"#,
        r#"1 - - - - - [a ="c"]"#,
        r#"1 - - - - - [a b="c"]words"#,
        "1 - - - - - -words",
        "2 - - - - - -",
        "Nov 24 14:00:0x app words",
        "Nov x4 14:00:00 app words",
        "Nov 24T14:00:00 app words",
        "nov 24 14:00:00 app words",
        "Növ 4 14:00:00 app words",
        "2026-11-24 14:00:00 app words",
    ] {
        let text = format!("<13>{words}");
        let message = parse(&text).unwrap();
        assert_eq!(message.message, words);
        assert_eq!(message.sent, None, "{words}");
    }
}

#[test]
fn what_has_no_priority_is_no_message() {
    for text in [
        "",
        "<",
        "<>",
        "<13",
        "13>x",
        "<192>x",
        "<1234>x",
        "<-1>x",
        "<+1>x",
        "< 1>x",
        "<1 >x",
        "<1\u{663}>x",
        "<999999999999999999999>x",
        " <13>x",
        "words",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_behind_a_priority_is_a_message_that_ends_with_its_words(text in any::<String>()) {
        let whole = format!("<13>{text}");
        let message = parse(&whole).unwrap();
        prop_assert!(whole.ends_with(message.message));
    }

    #[test]
    fn text_that_nearly_is_a_message_makes_no_trouble(text in r#"[0-9<>\[\]"\\= :a-cJanT-]{0,60}"#) {
        for start in ["<13>", "<13>1 - - - - - ", "<13>Jan  1 00:00:00 "] {
            let whole = [start, text.as_str()].concat();
            prop_assert!(parse(&whole).is_some(), "{}", whole);
        }
    }
}
