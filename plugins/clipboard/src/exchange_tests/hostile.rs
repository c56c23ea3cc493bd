//! A guest that means harm.

use std::time::Duration;

use portunus_plugin_sdk::Peer;
use proptest::prelude::*;
use serde_json::json;

use super::rig::{ALICE, GUEST, Rig};
use crate::fake_agent::{VDAGENTD, announce, content, grab, message, request, words};
use crate::message::number;

const POLICY: &str = r#"{"direction": "both", "types": ["text/plain"], "rate": 6000}"#;

#[test]
fn each_case_is_counted_and_changes_nothing() {
    let begun = words(&[1, 1000, 1, number::CLIPBOARD, 0, 0, 980]);
    let cases: [(&str, Vec<u8>, &str); 16] = [
        ("content unasked", content(0, 1, b"x"), "contents_unasked"),
        ("no content unasked", content(0, 0, b""), "contents_unasked"),
        ("a serial ahead", grab(0, 7, &[1]), "grabs_forged"),
        (
            "a serial far behind",
            grab(0, u32::MAX - 1, &[1]),
            "grabs_forged",
        ),
        (
            "a selection that is none",
            grab(9, 0, &[1]),
            "messages_malformed",
        ),
        (
            "a grab without words",
            message(7, b""),
            "messages_malformed",
        ),
        (
            "a grab past its bound",
            message(7, &[1; 2000]),
            "messages_malformed",
        ),
        (
            "a request without a type",
            message(8, &words(&[0])),
            "messages_malformed",
        ),
        (
            "capabilities without a word",
            message(6, &[]),
            "messages_malformed",
        ),
        (
            "monitors, which we have not",
            message(2, &[0; 28]),
            "messages_of_other_matters",
        ),
        (
            "a reply to nothing",
            message(3, &words(&[2, 1])),
            "messages_of_other_matters",
        ),
        ("files", message(10, &[0; 400]), "messages_of_other_matters"),
        (
            "a message of no number",
            message(u32::MAX, b"?"),
            "messages_of_other_matters",
        ),
        (
            "another protocol",
            words(&[1, 20, 9, 7, 0, 0, 0]),
            "messages_of_other_protocols",
        ),
        ("a chunk for nobody", words(&[7, 1]), "lost_sync"),
        (
            "a chunk past its message",
            words(&[1, 30, 1, 13, 0, 0, 0]),
            "lost_sync",
        ),
    ];
    for (what, bytes, counter) in cases {
        let mut rig = Rig::new(POLICY);
        rig.say(ALICE, &json!({ "do": "watch" }));
        rig.told(ALICE);
        assert_eq!(rig.guest(&bytes), bytes.len(), "{what}");
        assert_eq!(rig.host.counter(counter), 1, "{what}");
        assert_eq!(rig.sent(), [], "{what}");
        let told = rig.told(ALICE);
        let lost = counter == "lost_sync";
        let gone = json!({ "event": "agent", "present": false });
        assert_eq!(told, if lost { vec![gone] } else { vec![] }, "{what}");
        assert_eq!(rig.host.is_closed(GUEST), lost, "{what}");
    }
    // A chunk that promises more than it brings is no case of its own: it is
    // waited for, and the port's close ends it.
    let mut rig = Rig::new(POLICY);
    rig.guest(&begun);
    rig.agent_goes();
    rig.agent(VDAGENTD);
    rig.guest(&grab(0, 0, &[1]));
    assert_eq!(rig.host.counter("grabs"), 1);
}

#[test]
fn a_stream_out_of_step_begins_anew_with_the_next_open() {
    let mut rig = Rig::new(POLICY);
    rig.guest(&words(&[7, 1]));
    assert_eq!(rig.guest(&grab(0, 0, &[1])), grab(0, 0, &[1]).len());
    assert_eq!(rig.host.counter("grabs"), 0);
    rig.agent_goes();
    rig.exchange.open(GUEST, &Peer::Guest);
    rig.guest(&announce(false, VDAGENTD));
    rig.guest(&grab(0, 0, &[1]));
    assert_eq!(rig.host.counter("grabs"), 1);
}

#[test]
fn before_anything_is_agreed_on_nothing_is_heeded() {
    let mut rig = Rig::bare(POLICY);
    rig.connect(ALICE, 1000);
    rig.exchange.open(GUEST, &Peer::Guest);
    rig.guest(&grab(0, 0, &[1]));
    rig.guest(&message(number::CLIPBOARD_GRAB, &words(&[1])));
    assert_eq!(rig.host.counter("grabs"), 0);
    assert_eq!(rig.ask(ALICE, &json!({ "do": "get" }))["error"], "no-agent");
}

#[test]
fn a_guest_that_does_not_read_is_not_heard() {
    let mut rig = Rig::new(POLICY);
    rig.put("text/plain", &[b'x'; 50_000]);
    rig.sent();
    rig.host.make_room(GUEST, 0);
    let flood = request(0, 1).repeat(1000);
    let taken = rig.guest(&flood);
    assert!(taken < flood.len() / 100, "{taken}");
    rig.host.make_room(GUEST, usize::MAX);
    rig.writable();
    let answers = rig.sent().len();
    assert_eq!(answers, taken / request(0, 1).len());
    // It reads again, and is heard again.
    assert_eq!(rig.guest(&flood[taken..]), flood.len() - taken);
}

#[test]
fn a_flood_of_questions_for_what_we_can_is_no_flood_of_memory() {
    let mut rig = Rig::new(POLICY);
    rig.host.make_room(GUEST, 0);
    let flood = announce(true, VDAGENTD).repeat(10_000);
    let taken = rig.guest(&flood);
    // 64 messages wait, and what one block has.
    assert!(taken < flood.len() / 3, "{taken}");
}

#[test]
fn refusals_are_counted_one_by_one_and_logged_in_part() {
    let mut rig = Rig::new(r#"{"direction": "both", "rate": 1}"#);
    rig.put("text/plain", b"hello");
    rig.audit();
    for _ in 0..1001 {
        rig.guest(&request(0, 1));
    }
    assert_eq!(rig.host.counter("refused_rate"), 1000);
    assert_eq!(rig.audit().len(), 1 + 60);
    rig.pass(Duration::from_secs(2));
    rig.guest(&request(0, 1));
    let audit = rig.audit();
    assert!(
        audit[0].ends_with("(and 940 others before, which are only counted)"),
        "{audit:?}"
    );
}

proptest! {
    #[test]
    fn nothing_that_a_guest_sends_gets_at_what_the_policy_keeps(
        messages in proptest::collection::vec(
            (0_u32..16, proptest::collection::vec(0_u32..4, 0..6), any::<bool>()),
            0..20,
        ),
        noise in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        // Nothing goes to the guest, whatever it says.
        let mut rig = Rig::new(r#"{"direction": "guest-to-host"}"#);
        rig.say(ALICE, &json!({ "do": "put", "data": "c2VjcmV0" }));
        for (number, body, announces) in messages {
            rig.guest(&message(number, &words(&body)));
            if announces {
                rig.guest(&announce(true, VDAGENTD));
            }
        }
        rig.guest(&noise);
        let sent = rig.host.take_received(GUEST);
        prop_assert!(!sent.windows(6).any(|window| window == b"secret"));
        // And nothing comes to a client that did not ask.
        prop_assert!(rig.told(ALICE).iter().all(|line| line.get("data").is_none()));
    }
}
