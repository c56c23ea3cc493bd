//! What a guest or a client can do that it should not.

use super::*;
use crate::scan::{LARGE_FROM, MAX_DEPTH};

#[test]
fn replies_that_nobody_asked_for_are_dropped_and_counted() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    for id in [0, 1, 2, u64::MAX] {
        rig.reply(id, json!("gift"));
    }
    rig.say(r#"{"return": "gift"}"#);
    assert_eq!(rig.host.counter("replies_unasked"), 5 + 1);
    rig.ask(client, PING);
    let sent = rig.take_sent();
    rig.reply(sent.id + 1, json!("gift"));
    rig.reply(sent.id - 1, json!("gift"));
    rig.say(r#"{"return": "gift"}"#);
    assert_eq!(rig.told(client), "");
    rig.reply(sent.id, json!({}));
    rig.reply(sent.id, json!("again"));
    assert_eq!(rig.told(client), "{\"return\": {}}\n");
    assert_eq!(rig.host.counter("replies_unasked"), 10);
}

#[test]
fn a_forged_sync_brings_nothing_about() {
    let mut rig = Rig::new(json!({}));
    rig.agent.on_open(GUEST, Peer::Guest, OpenReason::New);
    let sync = rig.take_sent();
    let number = sync.arguments["id"].as_u64().unwrap();
    for forged in [0, number - 1, number + 1] {
        rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
        rig.reply(forged, json!(forged));
    }
    // The right number where no delimiter stands before it.
    rig.reply(number, json!(number));
    rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
    rig.say("garbage");
    rig.reply(number, json!(number));
    assert_eq!(rig.host.gauge("agent_present"), Some(0.0));
    assert_eq!(rig.all_sent(), []);
    rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
    rig.reply(number, json!(number));
    assert_eq!(rig.host.gauge("agent_present"), Some(1.0));
}

#[test]
fn what_an_agent_babbles_is_counted_and_holds_nothing_up() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    rig.ask(client, PING);
    let sent = rig.take_sent();
    let babble: [&[u8]; 8] = [
        b"hello\n",
        b"{\"return\": \"\xc3\x28\"}\n",
        b"{\"return\"\n}",
        b"\xff\xff\xff",
        b"{\"error\": 5}",
        b"{\"event\": \"x\"}",
        b"{\"a\": \"\n",
        b"[]]]\0\n",
    ];
    for bytes in babble {
        rig.host.deliver(&mut rig.agent, GUEST, bytes);
    }
    assert_eq!(rig.told(client), "");
    assert!(!rig.host.is_paused(GUEST));
    rig.reply(sent.id, json!({}));
    assert_eq!(rig.told(client), "{\"return\": {}}\n");
    assert_eq!(rig.host.counter("replies_broken"), 7);
}

#[test]
fn a_reply_past_a_bound_is_an_error_at_once_and_the_agent_goes_on() {
    let deep = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let long = format!("\"{}\"", "x".repeat(1 << 20));
    for value in [deep, long] {
        let mut rig = Rig::with_agent(json!({"max-reply": "1MiB"}));
        let (one, two) = (rig.client(1), rig.client(2));
        rig.ask(one, PING);
        rig.ask(two, PING);
        let sent = rig.take_sent();
        let reply = format!(r#"{{"return": {value}, "id": {}}}"#, sent.id);
        rig.say(&reply);
        let desc = rig.error(one).1;
        assert_eq!(
            desc,
            "guest-ping: the agent's reply is larger than the port allows"
        );
        rig.answer_sync();
        assert_eq!(rig.answer_all().len(), 1);
        assert_eq!(rig.replies(two).len(), 1);
        assert_eq!(rig.host.counter("replies_too_large"), 1);
    }
}

#[test]
fn a_reply_without_an_end_is_recovered_from() {
    let mut rig = Rig::with_agent(json!({"max-reply": "16KiB"}));
    let client = rig.client(1);
    rig.ask(client, PING);
    rig.take_sent();
    for _ in 0..100 {
        rig.host
            .deliver(&mut rig.agent, GUEST, br#"{"return": [[{"a": ""#);
        rig.host.deliver(&mut rig.agent, GUEST, &[b'x'; 4096]);
        rig.host.deliver(&mut rig.agent, GUEST, br#""#);
    }
    rig.error(client);
    rig.answer_sync();
    rig.ask(client, PING);
    rig.answer_all();
    assert_eq!(rig.replies(client).len(), 1);
}

#[test]
fn a_large_reply_is_passed_on_whole_and_one_at_a_time() {
    let mut rig = Rig::with_agent(json!({}));
    let (one, two) = (rig.client(1), rig.client(2));
    let value = format!("\"{}\"", "x".repeat(LARGE_FROM * 2));
    rig.host.make_room(one, 10);
    for channel in [one, two] {
        rig.ask(channel, PING);
        let sent = rig.take_sent();
        rig.say(&format!(r#"{{"id": {}, "return": {value}}}"#, sent.id));
    }
    // The first has not taken its own.
    assert!(rig.error(two).1.contains("larger than the port allows"));
    rig.answer_sync();
    let mut told = rig.told(one);
    rig.host.make_room(one, usize::MAX);
    rig.agent.on_writable(one);
    told.push_str(&rig.told(one));
    assert!(told == format!("{{\"return\": {value}}}\n"));
    rig.ask(two, PING);
    let sent = rig.take_sent();
    rig.say(&format!(r#"{{"id": {}, "return": {value}}}"#, sent.id));
    assert!(rig.told(two) == told);
}

#[test]
fn an_agent_that_returns_what_no_handle_is_gives_none() {
    let config = json!({"read": ["/"], "exec": [{"path": "/a"}]});
    for value in [
        json!("5"),
        json!(1.5),
        json!(u64::MAX),
        json!({}),
        json!(null),
    ] {
        let mut rig = Rig::with_agent(config.clone());
        let client = rig.client(1);
        for name in ["guest-file-open", "guest-exec"] {
            rig.ask(
                client,
                &format!(r#"{{"execute": "{name}", "arguments": {{"path": "/a"}}}}"#),
            );
            let sent = rig.take_sent();
            rig.reply(sent.id, value.clone());
            let desc = rig.error(client).1;
            assert_eq!(
                desc,
                format!("{name}: the agent did not return a handle"),
                "{value}"
            );
        }
    }
}

#[test]
fn nothing_that_is_refused_reaches_the_agent() {
    let mut rig = Rig::with_agent(json!({
        "allow": ["guest-ping"],
        "exec": [{"path": "/bin/true"}],
        "read": ["/var/log"],
    }));
    let client = rig.client(1);
    let refused = [
        r#"{"execute": "guest-set-user-password", "arguments": {}}"#,
        r#"{"execute": "GUEST-PING"}"#,
        r#"{"execute": "guest-ping "}"#,
        r#"{"execute": "guest-exec", "arguments": {"path": "/bin/sh"}}"#,
        r#"{"execute": "guest-exec", "arguments": {"path": "/bin/true", "path": "/bin/sh"}}"#,
        r#"{"execute": "guest-exec", "arguments": {"path": "/bin/true", "arg": ["-c"]}}"#,
        r#"{"execute": "guest-file-open", "arguments": {"path": "/var/log/../shadow"}}"#,
        r#"{"execute": "guest-file-open", "arguments": {"path": "/var/log/a", "mode": "w"}}"#,
        r#"{"execute": "guest-file-read", "arguments": {"handle": 1000}}"#,
        r#"{"execute": "guest-exec-status", "arguments": {"pid": 1}}"#,
        r#"{"execute": "guest-ping", "execute": "guest-shutdown"}"#,
        r#"{"execute": "guest-sync", "arguments": {"id": "1}\n{\"execute\": \"guest-shutdown\"}"}}"#,
        r#"{"execute": "guest-ping\n{\"execute\":\"guest-shutdown\"}"}"#,
        r#"{'execute': 'guest-ping'}"#,
        "{\"execute\": \"guest-ping\", \"arguments\": {\"a\": \"\n",
        "null\n",
    ];
    for text in refused {
        rig.ask(client, text);
        assert_eq!(rig.replies(client).len(), 1, "{text}");
        assert_eq!(rig.all_sent(), [], "{text}");
    }
}

#[test]
fn a_command_past_its_bound_is_refused_and_the_next_is_heard() {
    let mut rig = Rig::with_agent(json!({"max-command": "1KiB"}));
    let client = rig.client(1);
    let long = format!(
        r#"{{"execute": "guest-ping", "arguments": {{"a": "{}"}}}}"#,
        "x".repeat(1024)
    );
    rig.ask(client, &format!("{long}{PING}"));
    rig.answer_all();
    let replies = rig.replies(client);
    assert_eq!(
        replies[0]["error"]["desc"],
        "no command: it is longer than the port allows"
    );
    assert_eq!(replies[1], json!({"return": "guest-ping"}));
    let deep = format!(
        r#"{{"a": {}1{}}}"#,
        "[".repeat(MAX_DEPTH),
        "]".repeat(MAX_DEPTH)
    );
    rig.ask(client, &deep);
    assert_eq!(
        rig.error(client).1,
        "no command: its arguments are nested too deeply"
    );
}

#[test]
fn an_instance_that_replaces_one_in_mid_reply_begins_with_a_sync() {
    let mut rig = Rig::new(json!({}));
    rig.agent.on_open(GUEST, Peer::Guest, OpenReason::Restarted);
    rig.host
        .deliver(&mut rig.agent, GUEST, b"x\"}}, \"id\": 1}\n");
    rig.reply(2, json!({}));
    assert_eq!(rig.host.counter("replies_unasked"), 1);
    rig.answer_sync();
    assert_eq!(rig.host.gauge("agent_present"), Some(1.0));
}

#[test]
fn one_who_is_gone_before_its_close_is_told_harms_nobody() {
    let mut rig = Rig::with_agent(json!({}));
    let (gone, other) = (rig.client(1), rig.client(2));
    rig.ask(gone, &PING.repeat(3));
    rig.ask(other, PING);
    rig.host.break_channel(gone, SendError::NotOpen);
    rig.answer_all();
    assert_eq!(rig.replies(other).len(), 1);
    rig.agent.on_close(gone, CloseReason::Closed);
    rig.ask(other, PING);
    rig.answer_all();
    assert_eq!(rig.replies(other).len(), 1);
}

#[test]
fn an_audit_line_cannot_be_forged() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    rig.ask(client, r#"{"execute": "x result=done ms=0\naudit uid=0"}"#);
    let lines = rig.audit();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].contains(r#"command="x result=done ms=0\u{a}audit uid=0" result=refused"#),
        "{lines:?}"
    );
}

/// What a guest may send, with a chance of being the right thing.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        Just(b"\xff".to_vec()),
        (0_u64..20, 0_u64..20).prop_map(|(value, id)| {
            format!("{{\"return\": {value}, \"id\": {id}}}\n").into_bytes()
        }),
        (0_u64..20).prop_map(|id| {
            format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"\"}}, \"id\": {id}}}")
                .into_bytes()
        }),
        "[{}\"\\\\\\[\\]a\n]{0,12}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..40)
}

/// What two clients are told, and all that is counted, when the guest says this in
/// pieces of this size.
fn outcome(stream: &[u8], piece_bytes: usize) -> (Vec<u8>, Vec<u8>, Vec<u64>) {
    let mut rig = Rig::new(json!({}));
    let (one, two) = (rig.client(1), rig.client(2));
    rig.agent.on_open(GUEST, Peer::Guest, OpenReason::New);
    for channel in [one, two] {
        rig.ask(channel, &PING.repeat(4));
    }
    for piece in stream.chunks(piece_bytes) {
        rig.host.deliver(&mut rig.agent, GUEST, piece);
    }
    let counters = [
        "syncs",
        "replies_unasked",
        "replies_broken",
        "replies_too_large",
    ];
    let counted = counters.map(|name| rig.host.counter(name)).to_vec();
    let told = |channel| rig.host.take_received(channel);
    (told(one), told(two), counted)
}

proptest! {
    #[test]
    fn a_guests_stream_cut_anywhere_has_the_same_outcome(pieces in pieces(), piece_bytes in 1_usize..20) {
        let stream = pieces.concat();
        let whole = outcome(&stream, usize::MAX);
        prop_assert_eq!(outcome(&stream, piece_bytes), whole);
    }

    #[test]
    fn every_reply_that_a_client_gets_is_of_the_protocol(pieces in pieces()) {
        let (one, two, _) = outcome(&pieces.concat(), usize::MAX);
        for told in [one, two] {
            for line in told.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let reply: Value = serde_json::from_slice(line).unwrap();
                prop_assert!(reply.get("return").is_some() != reply.get("error").is_some());
            }
        }
    }
}
