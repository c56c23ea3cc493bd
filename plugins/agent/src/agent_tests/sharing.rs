//! Many clients of one agent: whose reply is whose, in which order, and what
//! becomes of those that come and go.

use super::*;

#[test]
fn replies_go_to_who_asked_under_the_id_that_it_gave() {
    let mut rig = Rig::with_agent(json!({}));
    let (one, two) = (rig.client(1), rig.client(2));
    rig.ask(one, r#"{"execute": "guest-get-users", "id": "mine"}"#);
    rig.ask(two, r#"{"execute": "guest-get-timezone"}"#);
    let first = rig.take_sent();
    assert_eq!(first.name, "guest-get-users");
    rig.say(&format!(r#"{{"return": [ 1.50 ], "id": {}}}"#, first.id));
    assert_eq!(rig.told(one), "{\"return\": [ 1.50 ], \"id\": \"mine\"}\n");
    let second = rig.take_sent();
    assert_eq!(second.name, "guest-get-timezone");
    rig.fail(second.id, "no zone");
    let told = rig.told(two);
    assert_eq!(
        told,
        "{\"error\": {\"class\":\"GenericError\",\"desc\":\"no zone\"}}\n"
    );
    assert_eq!(rig.told(one), "");
}

#[test]
fn the_agent_has_one_command_at_a_time_and_clients_take_turns() {
    let mut rig = Rig::with_agent(json!({}));
    let clients = [1, 2, 3].map(|number| rig.client(number));
    let name = |client: usize, turn: usize| format!("guest-get-{client}-{turn}");
    for (client, channel) in clients.into_iter().enumerate() {
        for turn in 0..3 {
            rig.ask(
                channel,
                &format!(r#"{{"execute": "{}"}}"#, name(client, turn)),
            );
        }
    }
    let sent: Vec<String> = rig.answer_all().into_iter().map(|sent| sent.name).collect();
    assert_eq!(sent.len(), 9);
    // The first was alone when it asked; from then on each has its turn.
    for window in sent.windows(3).skip(1) {
        let mut asked: Vec<&str> = window.iter().map(|name| &name[10..11]).collect();
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked.len(), 3, "{sent:?}");
    }
    for (client, channel) in clients.into_iter().enumerate() {
        let replies = rig.replies(channel);
        let wanted: Vec<Value> = (0..3)
            .map(|turn| json!({"return": name(client, turn)}))
            .collect();
        assert_eq!(replies, wanted);
    }
}

#[test]
fn a_sync_is_answered_with_the_clients_number_once_the_agent_has_answered() {
    let mut rig = Rig::with_agent(json!({"allow": [], "deny": ["*"]}));
    let client = rig.client(1);
    rig.ask(
        client,
        r#"{"execute": "guest-sync", "arguments": {"id": -77}, "id": 1}"#,
    );
    assert_eq!(rig.told(client), "");
    let sent = rig.take_sent();
    assert_eq!(sent.name, "guest-sync");
    assert_ne!(sent.arguments["id"], json!(-77));
    rig.reply(sent.id, sent.arguments["id"].clone());
    assert_eq!(rig.told(client), "{\"return\": -77, \"id\": 1}\n");

    let delimited =
        b"{\"execu\xff{\"execute\": \"guest-sync-delimited\", \"arguments\": {\"id\": 5}}";
    rig.host.deliver(&mut rig.agent, client, delimited);
    rig.answer_all();
    let told = rig.host.take_received(client);
    let error = "{\"error\": {\"class\":\"GenericError\",\"desc\":\"no command: it ends in its middle\"}}\n";
    assert_eq!(told, [error.as_bytes(), b"\xff{\"return\": 5}\n"].concat());
}

#[test]
fn a_refusal_is_told_in_its_place_among_the_replies() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    let refused = r#"{"execute": "guest-shutdown", "id": 2}"#;
    rig.ask(client, &format!("{PING}{refused}{PING} x\n{PING}"));
    assert_eq!(rig.told(client), "");
    assert_eq!(rig.answer_all().len(), 3);
    let replies = rig.replies(client);
    assert_eq!(replies.len(), 5);
    let error = &replies[1]["error"];
    assert_eq!(
        (&error["class"], &replies[1]["id"]),
        (&json!("CommandNotFound"), &json!(2))
    );
    let desc = error["desc"].as_str().unwrap();
    assert!(
        desc.starts_with("Command guest-shutdown has been disabled: "),
        "{desc}"
    );
    let place = |reply: &&Value| reply.get("error").is_some();
    assert_eq!(
        replies
            .iter()
            .map(|reply| place(&reply))
            .collect::<Vec<_>>(),
        [false, true, false, true, false]
    );
    assert_eq!(rig.host.counter("commands_refused"), 1);
    assert_eq!(rig.host.counter("commands_broken"), 1);
}

#[test]
fn every_command_has_a_line_with_who_what_how_and_how_long() {
    let mut rig = Rig::with_agent(json!({"allow": ["guest-*"], "deny": ["guest-set-*"]}));
    let client = rig.client(3);
    rig.ask(client, r#"{"execute": "guest-set-user-password", "arguments": {"username": "ann", "password": "c2VjcmV0"}}"#);
    rig.ask(client, PING);
    rig.wait(Duration::from_millis(20));
    rig.answer_all();
    let begin = "audit uid=1000 gid=100 pid=4242 channel=3";
    let wanted = [
        format!("{begin} command=guest-set-user-password username=ann result=refused:command ms=0"),
        format!("{begin} command=guest-ping result=done ms=20"),
    ];
    assert_eq!(rig.audit(), wanted);
}

#[test]
fn a_client_sees_in_the_agents_commands_what_it_may_ask() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    rig.ask(client, r#"{"execute": "guest-info"}"#);
    let sent = rig.take_sent();
    let command = |name: &str, enabled: bool| json!({"name": name, "enabled": enabled, "success-response": true});
    let commands = [command("guest-ping", true), command("guest-exec", true)];
    rig.reply(
        sent.id,
        json!({"version": "9.0", "supported_commands": commands}),
    );
    let seen = json!({"version": "9.0", "supported_commands": [command("guest-ping", true), command("guest-exec", false)]});
    assert_eq!(rig.replies(client), [json!({"return": seen})]);
}

#[test]
fn a_client_that_has_said_all_is_answered_and_then_let_go() {
    let mut rig = Rig::with_agent(json!({}));
    let client = rig.client(1);
    rig.ask(client, &format!("{PING}{PING}"));
    rig.agent.on_end(client);
    assert!(!rig.host.is_closed(client));
    rig.answer_all();
    assert_eq!(rig.replies(client).len(), 2);
    assert!(rig.host.is_closed(client));

    let client = rig.client(2);
    rig.agent.on_end(client);
    assert!(rig.host.is_closed(client));

    let client = rig.client(3);
    rig.ask(client, r#"{"execute": "#);
    rig.agent.on_end(client);
    assert_eq!(rig.error(client).1, "no command: it ends in its middle");
    assert!(rig.host.is_closed(client));
}

#[test]
fn what_a_client_that_left_had_asked_is_not_asked_and_its_reply_goes_to_nobody() {
    let mut rig = Rig::with_agent(json!({}));
    let (gone, other) = (rig.client(1), rig.client(2));
    rig.ask(gone, &format!("{PING}{PING}"));
    rig.ask(other, r#"{"execute": "guest-get-users"}"#);
    let sent = rig.take_sent();
    rig.agent.on_close(gone, CloseReason::Closed);
    rig.reply(sent.id, json!({}));
    let rest = rig.answer_all();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].name, "guest-get-users");
    assert_eq!(rig.replies(other), [json!({"return": "guest-get-users"})]);
    assert_eq!(rig.told(gone), "");
    assert_eq!(rig.host.counter("commands_left"), 2);
    assert_eq!(rig.host.counter("replies_unasked"), 1);
}

#[test]
fn a_file_is_the_clients_that_opened_it_and_is_closed_when_that_goes() {
    let mut rig = Rig::with_agent(json!({"read": ["/var/log"]}));
    let (one, two) = (rig.client(1), rig.client(2));
    let open = r#"{"execute": "guest-file-open", "arguments": {"path": "/var/log/a"}}"#;
    let read = r#"{"execute": "guest-file-read", "arguments": {"handle": 5}}"#;
    rig.ask(one, open);
    let sent = rig.take_sent();
    rig.reply(sent.id, json!(5));
    assert_eq!(rig.replies(one), [json!({"return": 5})]);
    rig.ask(two, read);
    let (class, desc) = rig.error(two);
    assert_eq!(class, "GenericError");
    assert_eq!(desc, "guest-file-read: this client has no such handle");
    rig.ask(one, read);
    assert_eq!(rig.answer_all().len(), 1);
    rig.told(one);

    // The guest gives one client's handle to another: it has it not.
    rig.ask(two, open);
    let sent = rig.take_sent();
    rig.reply(sent.id, json!(5));
    assert!(rig.error(two).1.contains("another client has"));
    rig.ask(two, read);
    assert!(rig.error(two).1.contains("no such handle"));

    rig.agent.on_close(one, CloseReason::Closed);
    let sent = rig.take_sent();
    assert_eq!(
        (sent.name.as_str(), &sent.arguments),
        ("guest-file-close", &json!({"handle": 5}))
    );
    let lines = rig.audit();
    assert!(
        lines.iter().any(|line| line.contains("path=/var/log/a ")),
        "{lines:?}"
    );
}

#[test]
fn a_file_that_was_opened_for_a_client_that_left_is_closed() {
    let mut rig = Rig::with_agent(json!({"read": ["/"]}));
    let client = rig.client(1);
    rig.ask(
        client,
        r#"{"execute": "guest-file-open", "arguments": {"path": "/a"}}"#,
    );
    let sent = rig.take_sent();
    rig.agent.on_close(client, CloseReason::Closed);
    rig.reply(sent.id, json!(9));
    let close = rig.take_sent();
    assert_eq!(close.arguments, json!({"handle": 9}));
    let closed = rig.client(2);
    rig.ask(
        closed,
        r#"{"execute": "guest-file-read", "arguments": {"handle": 9}}"#,
    );
    assert!(rig.error(closed).1.contains("no such handle"));
}

#[test]
fn a_handle_that_is_closed_or_a_program_that_has_ended_is_nobodys() {
    let mut rig = Rig::with_agent(json!({"write": ["/"], "exec": [{"path": "/bin/a"}]}));
    let client = rig.client(1);
    rig.ask(
        client,
        r#"{"execute": "guest-file-open", "arguments": {"path": "/a", "mode": "w"}}"#,
    );
    let sent = rig.take_sent();
    rig.reply(sent.id, json!(5));
    let close = r#"{"execute": "guest-file-close", "arguments": {"handle": 5}}"#;
    rig.ask(client, close);
    let sent = rig.take_sent();
    rig.fail(sent.id, "not now");
    rig.ask(client, close);
    rig.answer_all();
    rig.told(client);
    rig.ask(client, close);
    assert!(rig.error(client).1.contains("no such handle"));

    rig.ask(
        client,
        r#"{"execute": "guest-exec", "arguments": {"path": "/bin/a"}}"#,
    );
    let sent = rig.take_sent();
    rig.reply(sent.id, json!({"pid": 12}));
    let status = r#"{"execute": "guest-exec-status", "arguments": {"pid": 12}}"#;
    for exited in [false, true] {
        rig.ask(client, status);
        let sent = rig.take_sent();
        rig.reply(sent.id, json!({"exited": exited, "exitcode": 0}));
    }
    assert_eq!(rig.replies(client).len(), 3);
    rig.ask(client, status);
    assert!(rig.error(client).1.contains("no such handle"));
}

#[test]
fn handles_end_with_the_agent_that_gave_them() {
    let mut rig = Rig::with_agent(json!({"read": ["/"]}));
    let client = rig.client(1);
    rig.ask(
        client,
        r#"{"execute": "guest-file-open", "arguments": {"path": "/a"}}"#,
    );
    let sent = rig.take_sent();
    rig.reply(sent.id, json!(5));
    rig.told(client);
    rig.agent.on_close(GUEST, CloseReason::Closed);
    rig.open_agent();
    rig.answer_all();
    rig.ask(
        client,
        r#"{"execute": "guest-file-read", "arguments": {"handle": 5}}"#,
    );
    assert!(rig.error(client).1.contains("no such handle"));
}

#[test]
fn a_command_that_is_not_answered_where_it_succeeds_holds_nobody_up() {
    let mut rig = Rig::with_agent(json!({"allow": ["*"]}));
    let (one, two) = (rig.client(1), rig.client(2));
    rig.ask(one, r#"{"execute": "guest-suspend-ram", "id": 1}"#);
    rig.ask(two, PING);
    let sent = rig.all_sent();
    assert_eq!(
        [&*sent[0].name, &*sent[1].name],
        ["guest-suspend-ram", "guest-sync-delimited"]
    );
    rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
    rig.reply(sent[1].id, sent[1].arguments["id"].clone());
    assert_eq!(rig.answer_all().len(), 1);
    assert_eq!((rig.told(one).as_str(), rig.replies(two).len()), ("", 1));

    rig.ask(one, r#"{"execute": "guest-shutdown", "id": 2}"#);
    let sent = rig.all_sent();
    rig.fail(sent[0].id, "not now");
    assert_eq!(rig.replies(one)[0]["error"]["desc"], "not now");
    rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
    rig.reply(sent[1].id, sent[1].arguments["id"].clone());

    rig.ask(one, r#"{"execute": "guest-shutdown"}"#);
    rig.all_sent();
    rig.agent.on_close(GUEST, CloseReason::Closed);
    assert_eq!(rig.told(one), "");
    let last = rig.audit().pop().unwrap();
    assert!(
        last.contains("command=guest-shutdown result=done"),
        "{last}"
    );
}

#[test]
fn who_comes_from_an_instance_before_is_let_go() {
    let mut rig = Rig::with_agent(json!({}));
    let peer = Peer::Client(HostClient {
        pid: 1,
        uid: 2,
        gid: 3,
    });
    for (number, why) in [(1, OpenReason::Restarted), (2, OpenReason::Reloaded)] {
        let channel = Channel::from_id(number);
        rig.agent.on_open(channel, peer.clone(), why);
        assert!(rig.host.is_closed(channel));
    }
    assert_eq!(rig.host.gauge("clients"), Some(0.0));
}
