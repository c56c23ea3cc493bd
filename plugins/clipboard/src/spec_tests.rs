//! Tests of `spec.rs`.

use portunus_plugin_sdk::testing::Host;

use super::*;

fn parse(config: &str) -> Result<Spec, String> {
    Spec::parse(&Host::new().start(config))
}

#[test]
fn a_direction_is_enough_and_shares_text_in_the_clipboard() {
    let spec = parse(r#"{"direction": "both"}"#).unwrap();
    let wanted = Spec {
        direction: Direction::Both,
        types: [ContentType::Text].into_iter().collect(),
        selections: vec![Selection::Clipboard],
        max_bytes: 1 << 20,
        rate_per_minute: 60,
        ask: Direction::Off,
        ask_time: Duration::from_secs(30),
        deciders: None,
        clear_after: None,
    };
    assert_eq!(spec, wanted);
}

#[test]
fn every_key_is_heeded() {
    let spec = parse(
        r#"{"direction": "guest-to-host", "types": ["image/png", "text/plain;charset=utf-8"],
            "selections": ["primary", "clipboard", "primary"], "max-size": "16MiB", "rate": 5,
            "ask": "both", "ask-time": "1m 30s", "deciders": [1000, 0], "clear-after": "45s"}"#,
    )
    .unwrap();
    let wanted = Spec {
        direction: Direction::GuestToHost,
        types: [ContentType::Text, ContentType::Png].into_iter().collect(),
        selections: vec![Selection::Clipboard, Selection::Primary],
        max_bytes: 16 << 20,
        rate_per_minute: 5,
        ask: Direction::Both,
        ask_time: Duration::from_secs(90),
        deciders: Some(vec![1000, 0]),
        clear_after: Some(Duration::from_secs(45)),
    };
    assert_eq!(spec, wanted);
}

#[test]
fn each_direction_goes_the_ways_that_it_says() {
    let ways = |direction: Direction| {
        (
            direction.has(Way::GuestToHost),
            direction.has(Way::HostToGuest),
        )
    };
    assert_eq!(ways(Direction::Off), (false, false));
    assert_eq!(ways(Direction::GuestToHost), (true, false));
    assert_eq!(ways(Direction::HostToGuest), (false, true));
    assert_eq!(ways(Direction::Both), (true, true));
}

#[test]
fn what_is_wrong_is_named_by_its_key() {
    let cases = [
        ("{}", "missing field `direction`"),
        (
            r#"{"direction": "in"}"#,
            "config.direction: unknown variant `in`",
        ),
        (
            r#"{"direction": "off", "types": ["text/html"]}"#,
            "config.types: `text/html` is none of `text/plain`, ",
        ),
        (
            r#"{"direction": "off", "types": []}"#,
            "config.types: names nothing; for no clipboard at all write `direction = \"off\"`",
        ),
        (
            r#"{"direction": "off", "selections": ["copy"]}"#,
            "config.selections: `copy` is none of `clipboard`, `primary`, `secondary`",
        ),
        (
            r#"{"direction": "off", "max-size": "0B"}"#,
            "config.max-size: 0B is not between 1B and 64MiB",
        ),
        (
            r#"{"direction": "off", "max-size": "65MiB"}"#,
            "config.max-size: 65MiB is not between 1B and 64MiB",
        ),
        (
            r#"{"direction": "off", "rate": 0}"#,
            "config.rate: 0 is not between 1 and 6000",
        ),
        (
            r#"{"direction": "off", "ask-time": "11m"}"#,
            "config.ask-time: 11m is not between 1s and 10m",
        ),
        (
            r#"{"direction": "off", "ask-time": "soon"}"#,
            "config.ask-time: `soon` is not a time",
        ),
        (
            r#"{"direction": "off", "clear-after": "500ms"}"#,
            "config.clear-after: 500ms is not between 1s and 1day",
        ),
        (
            r#"{"direction": "off", "clear": "1s"}"#,
            "unknown field `clear`",
        ),
    ];
    for (config, message) in cases {
        let error = parse(config).unwrap_err();
        assert!(error.contains(message), "{config}: {error}");
    }
}
