//! Tests of `consent.rs`.

use portunus_plugin_sdk::testing::Host;

use super::*;

const TEXT_TO_HOST: Transfer = Transfer {
    way: Way::GuestToHost,
    selection: Selection::Clipboard,
    kind: ContentType::Text,
};
const TEXT_TO_GUEST: Transfer = Transfer {
    way: Way::HostToGuest,
    ..TEXT_TO_HOST
};

fn consent(config: &str) -> Consent {
    Consent::new(Spec::parse(&Host::new().start(config)).unwrap())
}

#[test]
fn what_the_policy_names_is_permitted_and_nothing_else() {
    let consent = consent(r#"{"direction": "guest-to-host"}"#);
    assert_eq!(consent.permits(TEXT_TO_HOST), Ok(()));
    assert_eq!(consent.permits(TEXT_TO_GUEST), Err(Refusal::Direction));
    let primary = Transfer {
        selection: Selection::Primary,
        ..TEXT_TO_HOST
    };
    assert_eq!(consent.permits(primary), Err(Refusal::Selection));
    let png = Transfer {
        kind: ContentType::Png,
        ..TEXT_TO_HOST
    };
    assert_eq!(consent.permits(png), Err(Refusal::Type));
}

#[test]
fn of_an_offer_only_what_is_permitted_is_told() {
    let consent =
        consent(r#"{"direction": "guest-to-host", "types": ["text/plain", "image/png"]}"#);
    let offered = [ContentType::Text, ContentType::Jpeg].into_iter().collect();
    let told = |way, selection| consent.permitted(way, selection, offered);
    let text = [ContentType::Text].into_iter().collect();
    assert_eq!(told(Way::GuestToHost, Selection::Clipboard), text);
    assert!(told(Way::GuestToHost, Selection::Primary).is_empty());
    assert!(told(Way::HostToGuest, Selection::Clipboard).is_empty());
}

#[test]
fn each_way_is_asked_about_as_the_policy_says() {
    let mut consent = consent(r#"{"direction": "both", "ask": "guest-to-host"}"#);
    let now = Instant::now();
    assert_eq!(consent.judge(TEXT_TO_HOST, false, now), Verdict::Ask);
    assert_eq!(consent.judge(TEXT_TO_HOST, true, now), Verdict::Allowed);
    assert_eq!(consent.judge(TEXT_TO_GUEST, false, now), Verdict::Allowed);
}

#[test]
fn a_rate_is_counted_each_way_and_time_gives_it_back() {
    let mut consent = consent(r#"{"direction": "both", "rate": 3}"#);
    let start = Instant::now();
    let refused = Verdict::Refused(Refusal::Rate);
    for _ in 0..3 {
        assert_eq!(consent.judge(TEXT_TO_HOST, false, start), Verdict::Allowed);
    }
    assert_eq!(consent.judge(TEXT_TO_HOST, false, start), refused);
    assert_eq!(consent.judge(TEXT_TO_GUEST, false, start), Verdict::Allowed);
    // A third of a minute for each.
    let before = start + Duration::from_millis(19_999);
    assert_eq!(consent.judge(TEXT_TO_HOST, false, before), refused);
    let after = start + Duration::from_secs(20);
    assert_eq!(consent.judge(TEXT_TO_HOST, false, after), Verdict::Allowed);
    assert_eq!(consent.judge(TEXT_TO_HOST, false, after), refused);
}

#[test]
fn what_is_refused_anyway_takes_nothing_of_the_rate() {
    let mut consent = consent(r#"{"direction": "guest-to-host", "rate": 1}"#);
    let now = Instant::now();
    let png = Transfer {
        kind: ContentType::Png,
        ..TEXT_TO_HOST
    };
    let refused = Verdict::Refused(Refusal::Type);
    assert_eq!(consent.judge(png, false, now), refused);
    assert_eq!(consent.judge(TEXT_TO_HOST, false, now), Verdict::Allowed);
}
