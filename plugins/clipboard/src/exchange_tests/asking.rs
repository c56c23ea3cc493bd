//! Where somebody is asked.

use std::time::Duration;

use portunus_plugin_sdk::Channel;
use serde_json::{Value, json};

use super::rig::{ALICE, BOB, Rig};
use crate::fake_agent::{content, grab, request, words};
use crate::message::number;

const POLICY: &str = r#"{"direction": "both", "ask": "both", "rate": 1000}"#;

/// Bob decides, the guest offers text, and Alice wants it: the question.
fn asked() -> (Rig, Value) {
    let mut rig = Rig::new(POLICY);
    rig.connect(BOB, 1001);
    assert_eq!(
        rig.ask(BOB, &json!({ "do": "decide" })),
        json!({ "ok": true })
    );
    rig.guest(&grab(0, 0, &[1]));
    rig.say(ALICE, &json!({ "do": "get" }));
    let mut told = rig.told(BOB);
    assert_eq!(told.len(), 1);
    (rig, told.remove(0))
}

fn answer(question: &Value, allow: bool) -> Value {
    json!({ "do": "answer", "ask": question["ask"], "allow": allow })
}

/// Bob decides, and the guest wants what Alice has put: the question.
fn asked_by_guest() -> (Rig, Value) {
    let mut rig = Rig::new(POLICY);
    rig.connect(BOB, 1001);
    rig.ask(BOB, &json!({ "do": "decide" }));
    rig.put("text/plain", b"secret");
    rig.guest(&request(0, 1));
    let mut told = rig.told(BOB);
    assert_eq!(told.len(), 1);
    rig.sent();
    (rig, told.remove(0))
}

fn text(bytes: &[u8]) -> (u32, Vec<u8>) {
    (number::CLIPBOARD, [words(&[0, 1]), bytes.into()].concat())
}

#[test]
fn a_question_says_who_wants_what() {
    let (rig, question) = asked();
    let wanted = json!({ "event": "ask", "ask": 1, "way": "guest-to-host",
        "selection": "clipboard", "type": "text/plain", "pid": 1, "uid": 1000 });
    assert_eq!(question, wanted);
    assert_eq!(rig.sent(), []);
    let (_, question) = asked_by_guest();
    let wanted = json!({ "event": "ask", "ask": 1, "way": "host-to-guest",
        "selection": "clipboard", "type": "text/plain" });
    assert_eq!(question, wanted);
}

#[test]
fn a_yes_lets_content_go() {
    let (mut rig, question) = asked();
    assert_eq!(
        rig.ask(BOB, &answer(&question, true)),
        json!({ "ok": true })
    );
    assert_eq!(rig.sent(), [(number::CLIPBOARD_REQUEST, words(&[0, 1]))]);
    rig.guest(&content(0, 1, b"hello"));
    assert_eq!(rig.given(ALICE), b"hello");

    let (mut rig, question) = asked_by_guest();
    rig.ask(BOB, &answer(&question, true));
    assert_eq!(rig.sent(), [text(b"secret")]);
}

#[test]
fn a_no_keeps_it_where_it_is() {
    let (mut rig, question) = asked();
    rig.ask(BOB, &answer(&question, false));
    assert_eq!(rig.told(ALICE)[0]["error"], "refused-denied");
    assert_eq!(rig.sent(), []);

    let (mut rig, question) = asked_by_guest();
    rig.ask(BOB, &answer(&question, false));
    assert_eq!(rig.sent(), [text(b"")]);
    assert_eq!(rig.host.counter("refused_denied"), 1);
}

#[test]
fn no_answer_in_time_is_a_no() {
    let (mut rig, question) = asked();
    assert_eq!(rig.due, Some(rig.now + Duration::from_secs(30)));
    rig.pass(Duration::from_secs(30));
    assert_eq!(rig.told(ALICE)[0]["error"], "refused-unanswered");
    assert_eq!(rig.sent(), []);
    // And a yes comes too late.
    assert_eq!(
        rig.ask(BOB, &answer(&question, true))["error"],
        "no-question"
    );
    assert_eq!(rig.sent(), []);

    let (mut rig, _) = asked_by_guest();
    rig.pass(Duration::from_secs(30));
    assert_eq!(rig.sent(), [text(b"")]);
}

#[test]
fn nobody_there_is_a_no() {
    let mut rig = Rig::new(POLICY);
    rig.guest(&grab(0, 0, &[1]));
    let refused = rig.ask(ALICE, &json!({ "do": "get" }));
    assert_eq!(refused["error"], "refused-nobody-to-ask");
    rig.put("text/plain", b"secret");
    rig.sent();
    rig.guest(&request(0, 1));
    assert_eq!(rig.sent(), [text(b"")]);
}

#[test]
fn who_was_asked_and_goes_says_no() {
    let (mut rig, _) = asked();
    rig.disconnect(BOB);
    assert_eq!(rig.told(ALICE)[0]["error"], "refused-nobody-to-ask");
    let (mut rig, _) = asked_by_guest();
    rig.disconnect(BOB);
    assert_eq!(rig.sent(), [text(b"")]);
}

#[test]
fn nobody_gives_himself_leave() {
    let mut rig = Rig::new(POLICY);
    rig.ask(ALICE, &json!({ "do": "decide" }));
    rig.guest(&grab(0, 0, &[1]));
    let refused = rig.ask(ALICE, &json!({ "do": "get" }));
    assert_eq!(refused["error"], "refused-nobody-to-ask");
}

#[test]
fn who_does_not_decide_cannot_answer() {
    let (mut rig, question) = asked();
    let carol = Channel::from_id(3);
    rig.connect(carol, 1002);
    assert_eq!(
        rig.ask(carol, &answer(&question, true))["error"],
        "may-not-decide"
    );
    assert_eq!(rig.sent(), []);
}

#[test]
fn only_those_whom_the_policy_names_may_decide() {
    let mut rig = Rig::new(r#"{"direction": "both", "ask": "both", "deciders": [1001]}"#);
    let decide = json!({ "do": "decide" });
    assert_eq!(rig.ask(ALICE, &decide)["error"], "may-not-decide");
    assert_eq!(rig.host.counter("deciders_refused"), 1);
    rig.connect(BOB, 1001);
    assert_eq!(rig.ask(BOB, &decide), json!({ "ok": true }));
}

#[test]
fn a_yes_is_for_the_offer_that_was_asked_about() {
    let (mut rig, question) = asked();
    rig.ask(BOB, &answer(&question, true));
    rig.guest(&content(0, 1, b"one"));
    rig.given(ALICE);
    rig.sent();
    // The same again needs no other.
    rig.say(ALICE, &json!({ "do": "get" }));
    assert_eq!(rig.sent().len(), 1);
    rig.guest(&content(0, 1, b"one"));
    rig.given(ALICE);
    // Something else does.
    rig.guest(&grab(0, 1, &[1]));
    rig.say(ALICE, &json!({ "do": "get" }));
    assert_eq!(rig.sent(), []);
    assert_eq!(rig.told(BOB).len(), 1);
}

#[test]
fn a_question_is_withdrawn_with_its_offer() {
    let (mut rig, question) = asked();
    rig.guest(&grab(0, 1, &[1]));
    assert_eq!(rig.told(ALICE)[0]["error"], "replaced");
    assert_eq!(
        rig.ask(BOB, &answer(&question, true))["error"],
        "no-question"
    );
    assert_eq!(rig.sent(), []);

    let (mut rig, question) = asked_by_guest();
    rig.put("text/plain", b"another");
    assert_eq!(rig.sent()[0], text(b""));
    assert_eq!(
        rig.ask(BOB, &answer(&question, true))["error"],
        "no-question"
    );
    assert_eq!(rig.sent(), []);
}

#[test]
fn who_asked_and_goes_needs_no_answer() {
    let (mut rig, question) = asked();
    rig.disconnect(ALICE);
    assert_eq!(
        rig.ask(BOB, &answer(&question, true))["error"],
        "no-question"
    );
    assert_eq!(rig.sent(), []);
}

#[test]
fn who_comes_later_is_asked_what_is_still_open() {
    let (mut rig, question) = asked();
    let carol = Channel::from_id(3);
    rig.connect(carol, 1002);
    rig.say(carol, &json!({ "do": "decide" }));
    assert_eq!(rig.told(carol), [json!({ "ok": true }), question.clone()]);
    rig.ask(carol, &answer(&question, true));
    assert_eq!(
        rig.ask(BOB, &answer(&question, false))["error"],
        "no-question"
    );
    assert_eq!(rig.sent().len(), 1);
}

#[test]
fn a_flood_of_requests_opens_no_flood_of_questions() {
    let (mut rig, _) = asked_by_guest();
    for _ in 0..100 {
        rig.guest(&request(0, 1));
    }
    assert_eq!(rig.told(BOB).len(), 15);
    assert_eq!(rig.host.counter("refused_too_many_questions"), 85);
    assert_eq!(rig.sent(), vec![text(b""); 85]);
}
