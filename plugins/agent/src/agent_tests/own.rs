//! What the plugin does without any client.

use super::*;

fn lock_config() -> Value {
    json!({
        "clients": [{"uid": 7, "class": "viewer"}],
        "lock-on-disconnect": {"class": "viewer", "path": "/bin/lock", "args": ["all"]},
    })
}

#[test]
fn the_agents_version_and_figures_become_metrics() {
    let mut rig = Rig::new(json!({"figures": "10s"}));
    assert_eq!(rig.host.gauge("agent_present"), Some(0.0));
    rig.open_agent();
    let info = rig.take_sent();
    let commands = json!([{"enabled": true, "name": "guest-get-cpustats"}]);
    rig.reply(
        info.id,
        json!({"version": "7.2.22", "supported_commands": commands}),
    );
    assert_eq!(rig.host.gauge("agent_version_major"), Some(7.0));
    let sent = rig.take_sent();
    assert_eq!(sent.name, "guest-get-cpustats");
    rig.reply(sent.id, json!([{"user": 1500}]));
    assert_eq!(rig.host.gauge("cpu_user_seconds"), Some(1.5));
    rig.wait(Duration::from_secs(10));
    let sent = rig.take_sent();
    rig.reply(sent.id, json!([{"user": 2500}]));
    assert_eq!(rig.host.gauge("cpu_user_seconds"), Some(2.5));
    // Ordinary business is no news.
    let said = rig.host.take_log();
    let news = said.iter().filter(|(level, _)| *level != Level::Debug);
    assert_eq!(news.count(), 1, "{said:?}");
}

#[test]
fn the_sessions_are_locked_when_the_last_of_a_class_goes() {
    let mut rig = Rig::with_agent(lock_config());
    let viewers = [rig.client_of(1, 7), rig.client_of(2, 7)];
    let other = rig.client(3);
    rig.agent.on_close(viewers[0], CloseReason::Closed);
    rig.agent.on_close(other, CloseReason::Closed);
    assert_eq!(rig.all_sent(), []);
    rig.agent
        .on_close(viewers[1], CloseReason::Lost("reset".into()));
    let sent = rig.take_sent();
    assert_eq!(sent.name, "guest-exec");
    assert_eq!(sent.arguments, json!({"path": "/bin/lock", "arg": ["all"]}));
    rig.reply(sent.id, json!({"pid": 5}));
    rig.wait(Duration::from_millis(500));
    let status = rig.take_sent();
    assert_eq!(status.arguments, json!({"pid": 5}));
    rig.reply(status.id, json!({"exited": true, "exitcode": 0}));
    assert_eq!(rig.host.counter("locks"), 1);
    let lines = rig.audit();
    let line = lines
        .iter()
        .find(|line| line.contains("guest-exec "))
        .unwrap();
    assert!(
        line.starts_with("audit by=portunus command=guest-exec path=/bin/lock args=1 "),
        "{line}"
    );
}

#[test]
fn sessions_are_locked_by_the_next_agent_where_there_is_none() {
    let mut rig = Rig::new(lock_config());
    let viewer = rig.client_of(1, 7);
    rig.agent.on_close(viewer, CloseReason::Closed);
    rig.agent.on_open(GUEST, Peer::Guest, OpenReason::New);
    rig.answer_sync();
    let names: Vec<String> = rig.answer_all().into_iter().map(|sent| sent.name).collect();
    assert!(names.contains(&"guest-exec".into()), "{names:?}");
}

#[test]
fn a_stop_goes_before_all_that_waits() {
    let mut rig = Rig::with_agent(json!({"on-stop": "shutdown"}));
    let client = rig.client(1);
    rig.ask(client, &PING.repeat(5));
    rig.take_sent();
    rig.agent.on_stop(Duration::from_secs(8));
    assert!(!rig.host.is_stopped());
    // The agent hangs: what it does has a quarter of the grace.
    rig.wait(Duration::from_secs(2));
    rig.answer_sync();
    let sent = rig.all_sent();
    assert_eq!(sent[0].name, "guest-shutdown");
    assert_eq!(sent[0].arguments, json!({"mode": "powerdown"}));
    rig.host.deliver(&mut rig.agent, GUEST, b"\xff");
    rig.reply(sent[1].id, sent[1].arguments["id"].clone());
    rig.agent.on_close(GUEST, CloseReason::Closed);
    assert!(!rig.host.is_stopped());
    rig.agent
        .on_close(GUEST, CloseReason::Lost("the front end is gone".into()));
    assert!(rig.host.is_stopped());
}

#[test]
fn a_stop_is_not_waited_for_longer_than_the_grace() {
    let mut rig = Rig::with_agent(json!({"on-stop": "shutdown"}));
    rig.agent.on_stop(Duration::from_secs(8));
    rig.wait(Duration::from_millis(7749));
    assert!(!rig.host.is_stopped());
    rig.wait(Duration::from_millis(1));
    assert!(rig.host.is_stopped());
}

#[test]
fn a_stop_without_anything_to_do_ends_at_once() {
    let mut rig = Rig::with_agent(json!({}));
    rig.agent.on_stop(Duration::from_secs(8));
    assert!(rig.host.is_stopped());

    let mut rig = Rig::new(json!({"on-stop": "shutdown"}));
    rig.agent.on_stop(Duration::from_secs(8));
    assert!(rig.host.is_stopped());
    let said = rig.host.take_log();
    assert!(
        said.iter().any(|(level, _)| *level == Level::Warn),
        "{said:?}"
    );
}
