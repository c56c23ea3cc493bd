//! From the guest to the host.

use std::time::Duration;

use serde_json::json;

use super::rig::{ALICE, BOB, Rig};
use crate::capabilities::Capabilities;
use crate::content::PIECE_BYTES;
use crate::fake_agent::{VDAGENTD, content, grab, message, words};
use crate::message::number;

const POLICY: &str = r#"{"direction": "guest-to-host", "types": ["text/plain", "image/png"],
    "max-size": "1MiB", "rate": 100}"#;

const REQUEST_TEXT: (u32, [u32; 2]) = (8, [0, 1]);

fn request((number, body): (u32, [u32; 2])) -> Vec<(u32, Vec<u8>)> {
    vec![(number, words(&body))]
}

/// The guest offers text and an image, and a client wants the text.
fn wanted() -> Rig {
    let mut rig = Rig::new(POLICY);
    rig.guest(&grab(0, 0, &[1, 2]));
    rig.say(ALICE, &json!({ "do": "get", "id": 5 }));
    assert_eq!(rig.sent(), request(REQUEST_TEXT));
    rig
}

#[test]
fn a_grab_has_nothing_sent_by_anyone() {
    let mut rig = Rig::new(POLICY);
    rig.say(ALICE, &json!({ "do": "watch" }));
    rig.told(ALICE);
    rig.guest(&grab(0, 0, &[1, 2]));
    assert_eq!(rig.sent(), []);
    let offer = json!({ "event": "offer", "selection": "clipboard", "from": "guest",
        "types": ["text/plain", "image/png"] });
    assert_eq!(rig.told(ALICE), [offer]);
    assert_eq!(rig.audit(), [""; 0]);
}

#[test]
fn what_is_asked_for_is_fetched_and_given_with_its_number() {
    let mut rig = wanted();
    assert!(rig.told(ALICE).is_empty());
    rig.guest(&content(0, 1, b"hello"));
    assert_eq!(rig.told(ALICE), [json!({ "data": "aGVsbG8=", "id": 5 })]);
    assert_eq!(
        rig.audit(),
        [
            "transferred way=guest-to-host selection=clipboard type=text/plain bytes=5 pid=1 uid=1000"
        ]
    );
    assert_eq!(rig.host.counter("transfers_to_host"), 1);
    assert_eq!(rig.host.counter("transferred_bytes_to_host"), 5);
}

#[test]
fn a_large_image_comes_in_parts() {
    let mut rig = Rig::new(POLICY);
    rig.guest(&grab(0, 0, &[2]));
    rig.say(ALICE, &json!({ "do": "get", "type": "image/png" }));
    let image: Vec<u8> = (0..=250).cycle().take(PIECE_BYTES * 3 + 7).collect();
    let stream = content(0, 2, &image);
    stream.chunks(4096).for_each(|piece| {
        rig.guest(piece);
    });
    assert!(rig.given(ALICE) == image);
}

#[test]
fn two_that_want_the_same_are_given_one_answer() {
    let mut rig = wanted();
    rig.connect(BOB, 1001);
    rig.say(BOB, &json!({ "do": "get" }));
    assert_eq!(rig.sent(), []);
    rig.guest(&content(0, 1, b"hello"));
    assert_eq!(rig.given(ALICE), b"hello");
    assert_eq!(rig.given(BOB), b"hello");
    assert_eq!(rig.audit().len(), 2);
}

#[test]
fn what_the_guest_does_not_offer_is_not_asked_for() {
    let mut rig = Rig::new(POLICY);
    let error = |rig: &mut Rig, line| rig.ask(ALICE, &line)["error"].clone();
    assert_eq!(error(&mut rig, json!({ "do": "get" })), "not-offered");
    rig.guest(&grab(0, 0, &[1]));
    let image = json!({ "do": "get", "type": "image/png" });
    assert_eq!(error(&mut rig, image), "not-offered");
    assert_eq!(rig.sent(), []);
    rig.agent_goes();
    assert_eq!(error(&mut rig, json!({ "do": "get" })), "no-agent");
}

#[test]
fn the_policy_is_told_of_what_it_refuses_before_the_guest_is_asked() {
    for (policy, refusal) in [
        (r#"{"direction": "off"}"#, "direction"),
        (r#"{"direction": "host-to-guest"}"#, "direction"),
        (r#"{"direction": "both", "types": ["image/png"]}"#, "type"),
        (
            r#"{"direction": "both", "selections": ["primary"]}"#,
            "selection",
        ),
    ] {
        let mut rig = Rig::new(policy);
        rig.guest(&grab(0, 0, &[1, 2]));
        rig.say(ALICE, &json!({ "do": "get" }));
        let told = rig.told(ALICE);
        assert_eq!(told[0]["error"], format!("refused-{refusal}"), "{policy}");
        assert_eq!(rig.sent(), [], "{policy}");
        assert_eq!(
            rig.audit(),
            [format!(
                "refused way=guest-to-host selection=clipboard type=text/plain reason={refusal} pid=1 uid=1000"
            )]
        );
        assert_eq!(rig.host.counter(&format!("refused_{refusal}")), 1);
    }
}

#[test]
fn what_the_policy_does_not_share_is_not_told_of() {
    let mut rig = Rig::new(r#"{"direction": "guest-to-host"}"#);
    rig.say(ALICE, &json!({ "do": "watch" }));
    rig.told(ALICE);
    rig.guest(&grab(0, 0, &[1, 2]));
    assert_eq!(rig.told(ALICE)[0]["types"], json!(["text/plain"]));
    // An image takes the text's place, and of it nothing is told.
    rig.guest(&grab(0, 1, &[2]));
    assert_eq!(rig.told(ALICE)[0]["from"], json!(null));
    // Another selection is none of anyone's business.
    rig.guest(&grab(1, 0, &[1]));
    let empty = json!({ "event": "offer", "selection": "primary", "from": null, "types": [] });
    assert!(rig.told(ALICE).iter().all(|event| *event == empty));
    assert_eq!(rig.host.counter("grabs_not_permitted"), 2);
}

#[test]
fn more_often_than_the_rate_is_refused() {
    let mut rig = Rig::new(r#"{"direction": "both", "rate": 1}"#);
    rig.guest(&grab(0, 0, &[1]));
    rig.say(ALICE, &json!({ "do": "get" }));
    rig.guest(&content(0, 1, b"hello"));
    assert_eq!(rig.given(ALICE), b"hello");
    let again = json!({ "do": "get" });
    assert_eq!(rig.ask(ALICE, &again)["error"], "refused-rate");
    rig.pass(Duration::from_secs(60));
    rig.say(ALICE, &again);
    rig.guest(&content(0, 1, b"hello"));
    assert_eq!(rig.given(ALICE), b"hello");
}

#[test]
fn an_agent_that_has_nothing_is_told_of_at_once() {
    let mut rig = wanted();
    rig.guest(&content(0, 0, b""));
    assert_eq!(rig.told(ALICE)[0]["error"], "no-content");
    rig.say(ALICE, &json!({ "do": "get" }));
    // As it answers where it has more than we take.
    rig.guest(&content(0, 1, b""));
    assert_eq!(rig.told(ALICE)[0]["error"], "no-content");
    assert_eq!(rig.host.counter("transfers_to_host"), 0);
}

#[test]
fn content_past_the_bound_is_refused_before_it_has_come() {
    let mut rig = wanted();
    let mut begun = words(&[1, 2000, 1, number::CLIPBOARD, 0, 0, 0x7fff_0000, 0, 1]);
    begun.extend([b'x'; 1000]);
    rig.guest(&begun);
    assert_eq!(rig.told(ALICE)[0]["error"], "refused-size");
    assert_eq!(rig.host.counter("refused_size"), 1);
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let mut rig = wanted();
    rig.guest(&content(0, 1, b"caf\xe9"));
    assert_eq!(rig.told(ALICE)[0]["error"], "refused-form");
    assert_eq!(rig.host.counter("refused_form"), 1);
    assert!(rig.audit()[0].starts_with("refused "));
}

#[test]
fn an_agent_that_does_not_answer_is_not_waited_for() {
    let mut rig = wanted();
    assert_eq!(rig.due, Some(rig.now + Duration::from_secs(30)));
    rig.pass(Duration::from_secs(29));
    assert!(rig.told(ALICE).is_empty());
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.told(ALICE)[0]["error"], "unanswered");
    assert_eq!(rig.due, None);
    rig.guest(&content(0, 1, b"late"));
    assert!(rig.told(ALICE).is_empty());
    assert_eq!(rig.host.counter("contents_unasked"), 1);
}

#[test]
fn what_is_replaced_in_the_meantime_is_not_waited_for() {
    for ends in [
        grab(0, 1, &[1]),
        message(number::CLIPBOARD_RELEASE, &words(&[0])),
    ] {
        let mut rig = wanted();
        rig.guest(&ends);
        assert_eq!(rig.told(ALICE)[0]["error"], "replaced");
    }
    let mut rig = wanted();
    rig.agent_goes();
    assert_eq!(rig.told(ALICE)[0]["error"], "replaced");
}

#[test]
fn an_old_agent_gives_content_in_the_old_form() {
    let mut rig = Rig::bare(POLICY);
    rig.agent(Capabilities::from_bits(1 << 5));
    rig.connect(ALICE, 1000);
    rig.guest(&message(number::CLIPBOARD_GRAB, &words(&[1])));
    rig.say(ALICE, &json!({ "do": "get" }));
    assert_eq!(rig.sent(), [(number::CLIPBOARD_REQUEST, words(&[1]))]);
    let mut body = words(&[1]);
    body.extend(b"hello");
    rig.guest(&message(number::CLIPBOARD, &body));
    assert_eq!(rig.given(ALICE), b"hello");
}

#[test]
fn windows_text_becomes_the_hosts() {
    let mut rig = Rig::bare(POLICY);
    rig.agent(Capabilities::from_bits(VDAGENTD.bits() | 1 << 9));
    rig.connect(ALICE, 1000);
    rig.guest(&grab(0, 0, &[1]));
    rig.say(ALICE, &json!({ "do": "get" }));
    rig.guest(&content(0, 1, b"one\r\ntwo\r\n"));
    assert_eq!(rig.given(ALICE), b"one\ntwo\n");
}

#[test]
fn an_offer_is_forgotten_after_its_time() {
    let mut rig = Rig::new(r#"{"direction": "both", "clear-after": "45s"}"#);
    rig.guest(&grab(0, 0, &[1]));
    rig.pass(Duration::from_secs(44));
    rig.say(ALICE, &json!({ "do": "watch" }));
    assert_eq!(rig.told(ALICE).last().unwrap()["from"], "guest");
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.told(ALICE)[0]["from"], json!(null));
    assert_eq!(
        rig.ask(ALICE, &json!({ "do": "get" }))["error"],
        "not-offered"
    );
    assert_eq!(rig.host.counter("offers_cleared"), 1);
}
