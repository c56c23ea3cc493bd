//! Time and room: nobody waits for ever, and nobody takes more than its part.

use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_secs(30);

#[test]
fn without_an_agent_a_client_is_told_so_at_once() {
    let mut rig = Rig::new(json!({}));
    let client = rig.client(1);
    rig.ask(client, r#"{"execute": "guest-ping", "id": 5}"#);
    let (class, desc) = rig.error(client);
    assert_eq!(
        (class.as_str(), desc.as_str()),
        ("GenericError", "guest-ping: the guest's agent is not there")
    );
    assert_eq!(rig.host.take_received(GUEST), b"");
    // Who waits for a delimiter is told behind one.
    let sync = r#"{"execute": "guest-sync-delimited", "arguments": {"id": 5}}"#;
    rig.ask(client, sync);
    assert!(
        rig.host
            .take_received(client)
            .starts_with(b"\xff{\"error\": ")
    );
}

#[test]
fn an_agent_that_hangs_is_given_up_in_time_and_used_again_when_it_answers() {
    let mut rig = Rig::with_agent(json!({}));
    let (one, two) = (rig.client(1), rig.client(2));
    rig.ask(one, PING);
    rig.ask(two, PING);
    let stuck = rig.take_sent();
    rig.wait(TIMEOUT - Duration::from_millis(1));
    assert_eq!(rig.told(one), "");
    rig.wait(Duration::from_millis(1));
    assert_eq!(
        rig.error(one).1,
        "guest-ping: the guest's agent did not answer in time"
    );
    assert_eq!(rig.told(two), "");
    let sync = rig.take_sent();
    assert_eq!(sync.name, "guest-sync-delimited");
    // It goes on, and answers all that it was asked.
    rig.reply(stuck.id, json!({}));
    rig.say(r#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#);
    rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
    rig.reply(sync.id, sync.arguments["id"].clone());
    assert_eq!(rig.told(one), "");
    assert_eq!(rig.answer_all().len(), 1);
    assert_eq!(rig.replies(two).len(), 1);
    assert_eq!(rig.host.counter("commands_late"), 1);
    assert_eq!(rig.host.counter("replies_unasked"), 3);
}

#[test]
fn who_waits_for_an_agent_that_stays_silent_is_told_in_time() {
    let mut rig = Rig::with_agent(json!({}));
    let (one, two) = (rig.client(1), rig.client(2));
    rig.ask(one, PING);
    rig.ask(two, &format!("{PING}{PING}"));
    rig.wait(TIMEOUT);
    rig.error(one);
    rig.wait(WAIT - TIMEOUT);
    let replies = rig.replies(two);
    assert_eq!(replies.len(), 2);
    let desc = replies[0]["error"]["desc"].as_str().unwrap();
    assert!(desc.contains("for as long as a command waits"), "{desc}");
    assert_eq!(rig.host.counter("commands_busy"), 2);
    assert_eq!(rig.host.counter("syncs_late"), 2);
    let said = rig.host.take_log().into_iter();
    let warned = said.filter(|(level, _)| *level == Level::Warn);
    assert_eq!(warned.count(), 1);
    // Syncs are tried meanwhile, and one that is answered ends it.
    let syncs = rig.all_sent();
    let last = syncs.last().unwrap();
    rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
    rig.reply(last.id, last.arguments["id"].clone());
    rig.ask(one, PING);
    rig.answer_all();
    assert_eq!(rig.replies(one).len(), 1);
}

#[test]
fn a_command_that_is_known_to_be_slow_has_more_time() {
    let slow = json!([{"command": "guest-get-fs*", "timeout": "60s"}]);
    let mut rig = Rig::with_agent(json!({"slow": slow}));
    let client = rig.client(1);
    rig.ask(client, r#"{"execute": "guest-get-fsinfo"}"#);
    rig.wait(Duration::from_secs(59));
    assert_eq!(rig.told(client), "");
    rig.wait(Duration::from_secs(1));
    rig.error(client);
}

#[test]
fn an_agent_that_goes_in_mid_reply_is_not_waited_for_and_the_next_one_is_used() {
    let mut rig = Rig::with_agent(json!({}));
    let (one, two) = (rig.client(1), rig.client(2));
    rig.ask(one, PING);
    rig.ask(two, PING);
    rig.take_sent();
    rig.host
        .deliver(&mut rig.agent, GUEST, br#"{"return": {"a": "b"#);
    rig.agent.on_close(GUEST, CloseReason::Closed);
    for channel in [one, two] {
        assert_eq!(
            rig.error(channel).1,
            "guest-ping: the guest's agent is not there"
        );
    }
    assert_eq!(rig.host.gauge("agent_present"), Some(0.0));
    rig.open_agent();
    assert_eq!(rig.host.gauge("agent_present"), Some(1.0));
    rig.answer_all();
    rig.ask(one, PING);
    rig.answer_all();
    assert_eq!(rig.replies(one).len(), 1);
}

#[test]
fn to_an_agent_that_does_not_read_no_more_than_a_sync_is_kept() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    rig.host.make_room(GUEST, 10);
    rig.ask(client, PING);
    for _ in 0..10 {
        rig.wait(Duration::from_secs(60));
    }
    rig.error(client);
    rig.host.make_room(GUEST, usize::MAX);
    rig.agent.on_writable(GUEST);
    let sent = rig.all_sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0].name, "guest-ping");
    rig.wait(SYNC_FIRST);
    rig.answer_sync();
    rig.ask(client, PING);
    assert_eq!(rig.answer_all().len(), 1);
}

#[test]
fn a_client_that_asks_faster_than_it_is_answered_is_not_listened_to() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    let asked = PING.repeat(MAX_QUEUED + 10);
    let taken = rig.ask(client, &asked);
    // One is with the agent.
    assert_eq!(taken, PING.len() * (MAX_QUEUED + 1));
    let other = rig.client(2);
    assert_eq!(rig.ask(other, PING), PING.len());
    for _ in [client, other] {
        assert!(rig.host.is_paused(client));
        let sent = rig.take_sent();
        rig.reply(sent.id, json!({}));
    }
    assert!(!rig.host.is_paused(client));
    assert_eq!(rig.ask(client, &asked[taken..]), PING.len());
    assert!(rig.host.is_paused(client));
    let count = rig.answer_all().len();
    assert_eq!(count, MAX_QUEUED + 1);
    assert!(!rig.host.is_paused(client));
    assert_eq!(rig.replies(client).len(), MAX_QUEUED + 2);
}

#[test]
fn a_client_that_takes_no_replies_holds_up_nobody_and_is_let_go() {
    let mut rig = Rig::with_agent(json!({}));
    let (slow, other) = (rig.client(1), rig.client(2));
    rig.host.make_room(slow, 5);
    rig.ask(slow, &format!("{PING}{PING}"));
    rig.ask(other, &format!("{PING}{PING}"));
    // The second command of one that has not taken its first reply waits.
    assert_eq!(rig.answer_all().len(), 3);
    assert_eq!(rig.replies(other).len(), 2);
    rig.wait(STALL - Duration::from_millis(1));
    assert!(!rig.host.is_closed(slow));
    rig.host.make_room(slow, 1);
    rig.agent.on_writable(slow);
    rig.wait(STALL - Duration::from_millis(1));
    assert!(!rig.host.is_closed(slow));
    rig.wait(Duration::from_millis(1));
    assert!(rig.host.is_closed(slow) && !rig.host.is_paused(slow));
    assert_eq!(rig.host.counter("clients_stalled"), 1);
    rig.agent.on_close(slow, CloseReason::Closed);
    rig.ask(other, PING);
    assert_eq!(rig.answer_all().len(), 1);
}

#[test]
fn a_slow_client_gets_all_of_its_replies() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    rig.host.make_room(client, 3);
    rig.ask(client, &format!("{PING}x\n{PING}"));
    let mut told = rig.told(client);
    for _ in 0..100 {
        rig.answer_all();
        rig.host.make_room(client, 3);
        rig.agent.on_writable(client);
        told.push_str(&rig.told(client));
    }
    assert_eq!(told.lines().count(), 3, "{told}");
    assert!(
        told.starts_with("{\"return\": \"guest-ping\"}\n{\"error\": "),
        "{told}"
    );
    assert!(
        told.ends_with("}\n{\"return\": \"guest-ping\"}\n"),
        "{told}"
    );
}

#[test]
fn clients_beyond_the_bound_are_refused() {
    let mut rig = Rig::with_agent(json!({}));
    for number in 1..=MAX_CLIENTS as u64 {
        let client = rig.client(number);
        assert!(!rig.host.is_closed(client));
    }
    let refused = rig.client(1000);
    assert!(rig.host.is_closed(refused));
    assert_eq!(rig.ask(refused, PING), PING.len());
    rig.agent.on_close(Channel::from_id(1), CloseReason::Closed);
    let next = rig.client(1001);
    assert!(!rig.host.is_closed(next));
    assert_eq!(rig.host.gauge("clients"), Some(MAX_CLIENTS as f64));
}

#[test]
fn commands_beyond_the_room_for_all_are_refused_until_there_is_room() {
    let mut rig = Rig::with_agent(json!({"allow": ["*"], "max-command": "256KiB"}));
    let long = "x".repeat(200 << 10);
    let command = format!(r#"{{"execute": "guest-a", "arguments": {{"a": "{long}"}}}}"#);
    let client = rig.client(1);
    rig.ask(client, PING);
    let sent = rig.take_sent();
    let many = MAX_QUEUED_BYTES / long.len() + 2;
    for _ in 0..many {
        rig.ask(client, &command);
    }
    rig.reply(sent.id, json!({}));
    rig.answer_all();
    let replies = rig.replies(client);
    assert_eq!(replies.len(), many + 1);
    let refused = replies.iter().filter(|reply| reply.get("error").is_some());
    assert_eq!(refused.count(), 1);
    assert_eq!(rig.agent.queued_bytes, 0);
    rig.ask(client, &command);
    rig.answer_all();
    assert_eq!(rig.replies(client)[0]["return"], "guest-a");
}

#[test]
fn a_quiet_agent_is_asked_whether_it_is_there() {
    let mut rig = Rig::with_agent(json!({"health": "20s"}));
    rig.wait(Duration::from_millis(19_999));
    assert_eq!(rig.all_sent(), []);
    rig.wait(Duration::from_millis(1));
    let sync = rig.take_sent();
    rig.wait(Duration::from_millis(1500));
    rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
    rig.reply(sync.id, sync.arguments["id"].clone());
    assert_eq!(rig.host.gauge("sync_seconds"), Some(1.5));
    assert_eq!(rig.host.counter("syncs"), 2);
    // Whatever is heard of it puts that off.
    let client = rig.client(1);
    rig.wait(Duration::from_secs(15));
    rig.ask(client, PING);
    rig.answer_all();
    rig.wait(Duration::from_secs(19));
    assert_eq!(rig.all_sent(), []);
}

#[test]
fn a_timer_is_set_only_where_something_can_become_due() {
    let mut rig = Rig::new(json!({}));
    let client = rig.client(1);
    rig.ask(client, PING);
    assert_eq!(rig.host.take_timer(TICK), None);
}
