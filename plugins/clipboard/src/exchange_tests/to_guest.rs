//! From the host to the guest.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portunus_plugin_sdk::{Channel, Peer};
use serde_json::json;

use super::rig::{ALICE, BOB, GUEST, Rig};
use crate::capabilities::Capabilities;
use crate::fake_agent::{VDAGENTD, announce, grab, message, read, request, words};
use crate::message::number;

const POLICY: &str = r#"{"direction": "host-to-guest", "types": ["text/plain", "image/png"],
    "max-size": "1MiB", "rate": 100}"#;

fn text(bytes: &[u8]) -> (u32, Vec<u8>) {
    (number::CLIPBOARD, [words(&[0, 1]), bytes.into()].concat())
}

fn grabbed(serial: u32, kind: u32) -> (u32, Vec<u8>) {
    (number::CLIPBOARD_GRAB, words(&[0, serial, kind]))
}

#[test]
fn what_is_put_is_offered_and_nothing_more() {
    let mut rig = Rig::new(POLICY);
    rig.put("text/plain", b"secret");
    assert_eq!(rig.sent(), [grabbed(0, 1)]);
    assert_eq!(
        rig.audit(),
        ["offered way=host-to-guest selection=clipboard type=text/plain bytes=6 pid=1 uid=1000"]
    );
}

#[test]
fn the_guest_gets_what_it_asks_for() {
    let mut rig = Rig::new(POLICY);
    rig.put("text/plain", b"hello");
    rig.sent();
    rig.audit();
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"hello")]);
    assert_eq!(
        rig.audit(),
        ["transferred way=host-to-guest selection=clipboard type=text/plain bytes=5"]
    );
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"hello")]);
}

#[test]
fn what_is_not_offered_is_answered_with_nothing() {
    let mut rig = Rig::new(POLICY);
    let nothing = |kind| (number::CLIPBOARD, words(&[0, kind]));
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [nothing(1)]);
    rig.put("text/plain", b"hello");
    rig.sent();
    for kind in [0, 2, 77] {
        rig.guest(&request(0, kind));
        assert_eq!(rig.sent(), [nothing(kind)]);
    }
    assert_eq!(rig.host.counter("requests_without_offer"), 4);
}

#[test]
fn a_large_image_is_put_in_parts() {
    let mut rig = Rig::new(POLICY);
    let image: Vec<u8> = (0..=250).cycle().take(300_000).collect();
    let parts: Vec<_> = image.chunks(30_000).collect();
    for (at, part) in parts.iter().enumerate() {
        let verb = if at == 0 { "put" } else { "data" };
        let more = at + 1 < parts.len();
        let mut line = json!({ "do": verb, "data": STANDARD.encode(part), "more": more, "id": at });
        if at == 0 {
            line["type"] = "image/png".into();
        }
        rig.say(ALICE, &line);
        assert_eq!(rig.sent().is_empty(), more);
    }
    assert_eq!(rig.told(ALICE), [json!({ "ok": true, "id": 9 })]);
    rig.guest(&request(0, 2));
    let body = [words(&[0, 2]), image].concat();
    assert!(rig.sent() == [(number::CLIPBOARD, body)]);
}

#[test]
fn a_guest_that_reads_slowly_gets_all_of_it() {
    let mut rig = Rig::new(POLICY);
    let text = "ü".repeat(50_000);
    for (at, bytes) in text.as_bytes().chunks(30_000).enumerate() {
        let verb = if at == 0 { "put" } else { "data" };
        let line = json!({ "do": verb, "data": STANDARD.encode(bytes), "more": at < 3 });
        rig.say(ALICE, &line);
    }
    rig.sent();
    rig.host.make_room(GUEST, 0);
    rig.guest(&request(0, 1));
    let mut stream = Vec::new();
    loop {
        rig.host.make_room(GUEST, 1000);
        rig.writable();
        let now = rig.host.take_received(GUEST);
        if now.is_empty() {
            break;
        }
        stream.extend(now);
    }
    let messages = read(&stream);
    assert!(messages[0].2 == [words(&[0, 1]), text.into_bytes()].concat());
}

#[test]
fn the_policy_is_told_of_what_it_refuses_and_nothing_is_offered() {
    for (policy, refusal) in [
        (r#"{"direction": "off"}"#, "direction"),
        (r#"{"direction": "guest-to-host"}"#, "direction"),
        (r#"{"direction": "both", "types": ["image/png"]}"#, "type"),
        (
            r#"{"direction": "both", "selections": ["primary"]}"#,
            "selection",
        ),
        (r#"{"direction": "both", "max-size": "5B"}"#, "size"),
    ] {
        let mut rig = Rig::new(policy);
        let line = json!({ "do": "put", "data": STANDARD.encode("secret"), "id": 3 });
        let told = rig.ask(ALICE, &line);
        assert_eq!(told["error"], format!("refused-{refusal}"), "{policy}");
        assert_eq!(told["id"], 3);
        assert_eq!(rig.sent(), [], "{policy}");
        assert!(rig.audit()[0].contains(&format!(" reason={refusal} ")));
    }
}

#[test]
fn the_rest_of_what_was_refused_means_nothing() {
    let mut rig = Rig::new(r#"{"direction": "both", "max-size": "5B"}"#);
    let part = |verb: &str, more: bool| json!({ "do": verb, "data": "c2VjcmV0", "more": more });
    assert_eq!(rig.ask(ALICE, &part("put", true))["error"], "refused-size");
    rig.say(ALICE, &part("data", true));
    rig.say(ALICE, &part("data", false));
    assert!(rig.told(ALICE).is_empty());
    assert_eq!(rig.ask(ALICE, &part("data", false))["error"], "bad-line");
    assert_eq!(rig.sent(), []);
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let mut rig = Rig::new(POLICY);
    let line = json!({ "do": "put", "data": STANDARD.encode(b"caf\xe9") });
    assert_eq!(rig.ask(ALICE, &line)["error"], "refused-form");
    assert_eq!(rig.sent(), []);
}

#[test]
fn a_guest_that_asks_more_often_than_the_rate_gets_nothing() {
    let mut rig = Rig::new(r#"{"direction": "both", "rate": 1}"#);
    rig.put("text/plain", b"hello");
    rig.sent();
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"hello")]);
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"")]);
    assert_eq!(rig.host.counter("refused_rate"), 1);
}

#[test]
fn what_was_put_before_an_agent_came_is_offered_to_it() {
    let mut rig = Rig::bare(POLICY);
    rig.connect(ALICE, 1000);
    rig.put("text/plain", b"hello");
    rig.exchange.open(GUEST, &Peer::Guest);
    rig.guest(&announce(true, VDAGENTD));
    rig.guest(&announce(false, VDAGENTD));
    let ours = Capabilities::OURS.bits();
    let most = (number::MAX_CLIPBOARD, words(&[1 << 20]));
    assert_eq!(
        rig.sent(),
        [
            (number::ANNOUNCE_CAPABILITIES, words(&[1, ours])),
            (number::ANNOUNCE_CAPABILITIES, words(&[0, ours])),
            most,
            grabbed(0, 1),
        ]
    );
}

#[test]
fn what_was_put_outlives_the_agent() {
    let mut rig = Rig::new(POLICY);
    rig.put("text/plain", b"hello");
    rig.agent_goes();
    rig.agent(VDAGENTD);
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"hello")]);
}

#[test]
fn the_guests_grab_takes_the_place_of_the_hosts() {
    let mut rig = Rig::new(POLICY);
    rig.put("text/plain", b"hello");
    rig.sent();
    rig.guest(&grab(0, 1, &[1]));
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"")]);
}

#[test]
fn of_grabs_that_cross_the_hosts_wins() {
    let mut rig = Rig::new(r#"{"direction": "both"}"#);
    rig.put("text/plain", b"hello");
    rig.sent();
    rig.guest(&grab(0, 0, &[1]));
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"hello")]);
    assert_eq!(rig.host.counter("grabs_crossed"), 1);
}

#[test]
fn what_is_cleared_is_released_and_forgotten() {
    let mut rig = Rig::new(POLICY);
    rig.put("text/plain", b"hello");
    rig.sent();
    assert_eq!(
        rig.ask(ALICE, &json!({ "do": "clear" })),
        json!({ "ok": true })
    );
    assert_eq!(rig.sent(), [(number::CLIPBOARD_RELEASE, words(&[0]))]);
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"")]);
    // There is nothing to release any more.
    rig.ask(ALICE, &json!({ "do": "clear" }));
    assert_eq!(rig.sent(), []);
}

#[test]
fn what_was_put_is_forgotten_after_its_time() {
    let mut rig = Rig::new(r#"{"direction": "both", "clear-after": "45s"}"#);
    rig.put("text/plain", b"hello");
    rig.sent();
    assert_eq!(rig.due, Some(rig.now + Duration::from_secs(45)));
    rig.pass(Duration::from_secs(45));
    assert_eq!(rig.sent(), [(number::CLIPBOARD_RELEASE, words(&[0]))]);
    assert_eq!(rig.due, None);
}

#[test]
fn an_agent_that_must_see_a_release_before_a_grab_sees_one() {
    let mut rig = Rig::bare(POLICY);
    rig.agent(Capabilities::from_bits(1 << 5));
    rig.connect(ALICE, 1000);
    rig.put("text/plain", b"one");
    rig.put("text/plain", b"two");
    assert_eq!(
        rig.sent(),
        [
            (number::CLIPBOARD_GRAB, words(&[1])),
            (number::CLIPBOARD_RELEASE, vec![]),
            (number::CLIPBOARD_GRAB, words(&[1])),
        ]
    );
    rig.guest(&message(number::CLIPBOARD_REQUEST, &words(&[1])));
    let body = [words(&[1]), b"two".to_vec()].concat();
    assert_eq!(rig.sent(), [(number::CLIPBOARD, body)]);
}

#[test]
fn an_old_agent_is_not_offered_another_selection() {
    let mut rig = Rig::bare(r#"{"direction": "both", "selections": ["primary"]}"#);
    rig.agent(Capabilities::from_bits(1 << 5));
    rig.connect(ALICE, 1000);
    let line = json!({ "do": "put", "selection": "primary", "data": "aGk=" });
    assert_eq!(rig.ask(ALICE, &line), json!({ "ok": true }));
    assert_eq!(rig.sent(), []);
}

#[test]
fn windows_gets_text_with_its_line_ends() {
    let mut rig = Rig::bare(POLICY);
    rig.agent(Capabilities::from_bits(VDAGENTD.bits() | 1 << 9));
    rig.connect(ALICE, 1000);
    rig.put("text/plain", b"one\ntwo\r\n");
    rig.sent();
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"one\r\ntwo\r\n")]);
}

#[test]
fn no_more_content_is_kept_than_there_may_be() {
    let mut rig = Rig::new(POLICY);
    let begin = json!({ "do": "put", "data": "aGk=", "more": true });
    // Alice and five others begin, and none goes on.
    rig.say(ALICE, &begin);
    for id in 10..15 {
        let client = Channel::from_id(id);
        rig.connect(client, 1000);
        rig.say(client, &begin);
        assert!(rig.told(client).is_empty());
    }
    rig.connect(BOB, 1001);
    assert_eq!(rig.ask(BOB, &begin)["error"], "busy");
    rig.disconnect(ALICE);
    rig.say(BOB, &json!({ "do": "data" }));
    rig.say(BOB, &begin);
    assert!(rig.told(BOB).is_empty());
}
