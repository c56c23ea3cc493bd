//! How clients are served.

use std::time::Duration;

use portunus_plugin_sdk::SendError;
use serde_json::{Value, json};

use super::rig::{ALICE, BOB, Rig};
use crate::content::PIECE_BYTES;
use crate::fake_agent::{content, grab};

const POLICY: &str = r#"{"direction": "both", "rate": 1000}"#;

#[test]
fn a_watcher_is_told_what_is_so_and_then_what_changes() {
    let mut rig = Rig::new(POLICY);
    rig.guest(&grab(0, 0, &[1]));
    rig.say(ALICE, &json!({ "do": "watch", "id": 1 }));
    let agent = |present| json!({ "event": "agent", "present": present });
    let offer = |from: Value, types: Value| json!({ "event": "offer", "selection": "clipboard", "from": from, "types": types });
    let text = json!(["text/plain"]);
    assert_eq!(
        rig.told(ALICE),
        [
            json!({ "ok": true, "id": 1 }),
            agent(true),
            offer("guest".into(), text.clone())
        ]
    );
    rig.agent_goes();
    assert_eq!(
        rig.told(ALICE),
        [agent(false), offer(Value::Null, json!([]))]
    );
    rig.connect(BOB, 1001);
    rig.say(BOB, &json!({ "do": "put", "data": "aGk=" }));
    assert_eq!(rig.told(ALICE), [offer("host".into(), text)]);
}

#[test]
fn a_watcher_that_does_not_read_is_told_the_latest() {
    let mut rig = Rig::new(POLICY);
    rig.say(ALICE, &json!({ "do": "watch" }));
    rig.told(ALICE);
    rig.host.make_room(ALICE, 0);
    for serial in 0..1000 {
        rig.guest(&grab(0, serial, &[1]));
    }
    rig.host.make_room(ALICE, usize::MAX);
    rig.writable();
    // What was on its way when there was no room, and what is so now.
    assert_eq!(rig.told(ALICE).len(), 2);
}

#[test]
fn one_thing_comes_after_the_other() {
    let mut rig = Rig::new(POLICY);
    rig.guest(&grab(0, 0, &[1]));
    let lines = b"{\"do\":\"get\",\"id\":1}\n{\"do\":\"clear\",\"id\":2}\n";
    let taken = rig.send(ALICE, lines);
    assert_eq!(&lines[..taken], b"{\"do\":\"get\",\"id\":1}\n");
    ALICE.pause();
    rig.guest(&content(0, 1, b"hi"));
    assert!(!rig.host.is_paused(ALICE));
    rig.send(ALICE, &lines[taken..]);
    let told = [
        json!({ "data": "aGk=", "id": 1 }),
        json!({ "ok": true, "id": 2 }),
    ];
    assert_eq!(rig.told(ALICE), told);
}

#[test]
fn a_client_that_sends_no_more_still_gets_its_answer() {
    let mut rig = Rig::new(POLICY);
    rig.guest(&grab(0, 0, &[1]));
    // The last line has no end.
    rig.send(ALICE, b"{\"do\":\"get\"}");
    rig.end(ALICE);
    assert!(!rig.host.is_closed(ALICE));
    rig.guest(&content(0, 1, b"hi"));
    assert_eq!(rig.given(ALICE), b"hi");
    assert!(rig.host.is_closed(ALICE));
}

#[test]
fn a_watcher_that_sends_no_more_watches_on() {
    let mut rig = Rig::new(POLICY);
    rig.say(ALICE, &json!({ "do": "watch" }));
    rig.end(ALICE);
    rig.told(ALICE);
    rig.guest(&grab(0, 0, &[1]));
    assert_eq!(rig.told(ALICE).len(), 1);
    assert!(!rig.host.is_closed(ALICE));
}

#[test]
fn a_client_that_ends_with_nothing_owed_is_closed() {
    let mut rig = Rig::new(POLICY);
    rig.end(ALICE);
    assert!(rig.host.is_closed(ALICE));
}

#[test]
fn a_slow_client_holds_nobody_up_and_gets_all() {
    let mut rig = Rig::new(POLICY);
    rig.connect(BOB, 1001);
    rig.guest(&grab(0, 0, &[1]));
    let text = "x".repeat(PIECE_BYTES * 3);
    rig.host.make_room(ALICE, 0);
    rig.say(ALICE, &json!({ "do": "get" }));
    rig.say(BOB, &json!({ "do": "get" }));
    rig.guest(&content(0, 1, text.as_bytes()));
    assert!(rig.given(BOB) == text.as_bytes());
    let mut received = Vec::new();
    while received.iter().filter(|byte| **byte == b'\n').count() < 3 {
        rig.host.make_room(ALICE, 1000);
        rig.writable();
        let now = rig.host.take_received(ALICE);
        assert!(!now.is_empty());
        received.extend(now);
    }
    let one_line = PIECE_BYTES / 3 * 4;
    assert!(received.len() > one_line * 3 && received.len() < one_line * 3 + 100);
}

#[test]
fn a_client_that_takes_nothing_for_a_minute_is_closed() {
    let mut rig = Rig::new(POLICY);
    rig.host.make_room(ALICE, 5);
    rig.say(ALICE, &json!({ "do": "watch" }));
    assert_eq!(rig.due, Some(rig.now + Duration::from_secs(60)));
    rig.pass(Duration::from_secs(59));
    // It takes a little, and has another minute.
    rig.host.make_room(ALICE, 1);
    rig.writable();
    rig.pass(Duration::from_secs(59));
    assert!(!rig.host.is_closed(ALICE));
    rig.pass(Duration::from_secs(1));
    assert!(rig.host.is_closed(ALICE));
    assert_eq!(rig.host.counter("clients_stalled"), 1);
    assert_eq!(rig.due, None);
}

#[test]
fn a_client_that_is_gone_is_not_told_of_to_the_others() {
    let mut rig = Rig::new(POLICY);
    rig.connect(BOB, 1001);
    rig.say(BOB, &json!({ "do": "watch" }));
    rig.told(BOB);
    rig.host.break_channel(ALICE, SendError::NotOpen);
    rig.send(ALICE, b"{\"do\":\"watch\"}\n");
    rig.guest(&grab(0, 0, &[1]));
    assert_eq!(rig.told(BOB).len(), 1);
    rig.disconnect(ALICE);
}

#[test]
fn a_bad_line_is_answered_and_the_next_is_read() {
    let mut rig = Rig::new(POLICY);
    let long = "x".repeat(100_000);
    let lines = format!("nonsense\n{long}\n\n{{\"do\":\"clear\"}}\n");
    rig.send(ALICE, lines.as_bytes());
    let told = rig.told(ALICE);
    let words: Vec<_> = told.iter().map(|line| line["error"].clone()).collect();
    assert_eq!(
        words,
        [
            json!("bad-line"),
            json!("bad-line"),
            json!("bad-line"),
            json!(null)
        ]
    );
    assert!(
        told[1]["reason"]
            .as_str()
            .unwrap()
            .contains("longer than 81920 bytes")
    );
    assert_eq!(rig.host.counter("lines_bad"), 3);
}

#[test]
fn a_client_that_reads_no_answers_is_not_read_from() {
    let mut rig = Rig::new(POLICY);
    rig.host.make_room(ALICE, 0);
    let lines = "?\n".repeat(1000);
    let taken = rig.send(ALICE, lines.as_bytes());
    assert_eq!(taken, 2 * 16);
    rig.host.make_room(ALICE, usize::MAX);
    rig.writable();
    assert_eq!(rig.told(ALICE).len(), 16);
}
