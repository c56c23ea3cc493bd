//! Tests of `spec.rs`.

use portunus_plugin_sdk::testing::Host;
use serde_json::{Value, json};

use super::*;
use crate::rights::{Meaning, Refusal};

fn parse(config: &str) -> Result<Spec, String> {
    Spec::parse(&Host::new().start(config))
}

fn judge(spec: &Spec, (uid, gid): (u32, u32), command: &Command) -> Result<Meaning, Refusal> {
    let kind = spec.kind_of(uid, gid).unwrap();
    kind.rights.judge(command, |_| false)
}

#[test]
fn an_empty_table_allows_what_only_tells() {
    let spec = parse("{}").unwrap();
    for name in [
        "guest-ping",
        "guest-get-osinfo",
        "guest-network-get-interfaces",
    ] {
        assert!(
            judge(&spec, (0, 0), &Command::plain(name)).is_ok(),
            "{name}"
        );
    }
    for name in [
        "guest-shutdown",
        "guest-exec",
        "guest-set-time",
        "guest-ssh-get-authorized-keys",
    ] {
        let judged = judge(&spec, (0, 0), &Command::plain(name));
        assert_eq!(judged, Err(Refusal::Command), "{name}");
    }
    assert_eq!(spec.max_reply_bytes, 10 << 20);
    assert_eq!(spec.max_command_bytes, 64 << 10);
    assert_eq!(spec.time_for("guest-ping"), Duration::from_secs(10));
    assert_eq!(spec.wait, Duration::from_secs(30));
    assert_eq!(spec.on_stop.command(), None);
    assert_eq!((spec.figures, spec.lock), (None, None));
}

#[test]
fn the_first_kind_that_fits_says_what_a_client_may() {
    let spec = parse(
        r#"{
            "allow": ["guest-ping"],
            "exec": [{"path": "/bin/true"}],
            "clients": [
                {"uid": 1000, "gid": 50, "allow": []},
                {"uid": 1000, "allow": ["*"], "deny": ["guest-shutdown"]},
                {"gid": 50, "class": "viewer", "exec": []}
            ]
        }"#,
    )
    .unwrap();
    let ping = Command::plain("guest-ping");
    let time = Command::plain("guest-set-time");
    let exec = Command::plain("guest-exec").with("path", "/bin/true");
    assert_eq!(judge(&spec, (1000, 50), &ping), Err(Refusal::Command));
    assert_eq!(judge(&spec, (1000, 1), &time), Ok(Meaning::Plain));
    let shutdown = Command::plain("guest-shutdown");
    assert_eq!(judge(&spec, (1000, 1), &shutdown), Err(Refusal::Command));
    // What a kind leaves out is as in the table around it.
    assert_eq!(judge(&spec, (1000, 1), &exec), Ok(Meaning::Exec));
    assert_eq!(judge(&spec, (7, 50), &ping), Ok(Meaning::Plain));
    assert_eq!(judge(&spec, (7, 50), &exec), Err(Refusal::Command));
    assert_eq!(judge(&spec, (7, 7), &exec), Ok(Meaning::Exec));
    let class = |uid, gid| spec.kind_of(uid, gid).unwrap().class.as_deref();
    assert_eq!((class(7, 50), class(7, 7)), (Some("viewer"), None));
}

#[test]
fn every_key_is_heeded() {
    let spec = parse(
        r#"{
            "timeout": "3s", "slow": [{"command": "guest-fs*", "timeout": "5m"}],
            "wait": "1m", "health": "10s", "figures": "15s", "on-stop": "suspend-ram",
            "lock-on-disconnect": {"class": "viewer", "path": "/usr/bin/loginctl", "args": ["lock-sessions"]},
            "clients": [{"class": "viewer"}],
            "read": ["/var/log"], "write": ["/tmp"], "deny": ["guest-ping"],
            "max-reply": "1MiB", "max-command": "4KiB"
        }"#,
    )
    .unwrap();
    assert_eq!(spec.time_for("guest-fstrim"), Duration::from_secs(300));
    assert_eq!(spec.time_for("guest-ping"), Duration::from_secs(3));
    assert_eq!(spec.wait, Duration::from_secs(60));
    assert_eq!(spec.health, Duration::from_secs(10));
    assert_eq!(spec.figures, Some(Duration::from_secs(15)));
    let command = spec.on_stop.command();
    assert_eq!(command, Some(Command::plain("guest-suspend-ram")));
    let lock = spec.lock.as_ref().unwrap();
    assert_eq!(lock.class, "viewer");
    let arguments = json!({"path": "/usr/bin/loginctl", "arg": ["lock-sessions"]});
    assert_eq!(Value::Object(lock.command.arguments.clone()), arguments);
    assert_eq!(spec.max_reply_bytes, 1 << 20);
    assert_eq!(spec.max_command_bytes, 4 << 10);
    let open = |mode| {
        let command = Command::plain("guest-file-open").with("mode", mode);
        judge(&spec, (1, 1), &command.with("path", "/var/log/a"))
    };
    assert_eq!(open("r"), Ok(Meaning::Open));
    assert_eq!(open("w"), Err(Refusal::Path));
    let ping = Command::plain("guest-ping");
    assert_eq!(judge(&spec, (1, 1), &ping), Err(Refusal::Command));
}

#[test]
fn what_is_wrong_is_named_by_its_key() {
    let cases = [
        (r#"{"allows": []}"#, "allows"),
        (r#"{"allow": "guest-ping"}"#, "config.allow"),
        (
            r#"{"allow": ["guest-exec"]}"#,
            "config.allow: `guest-exec` is not allowed by its name: say in `exec` with what",
        ),
        (
            r#"{"clients": [{}, {"allow": ["guest-file-*"]}]}"#,
            "config.clients[1].allow: `guest-file-*` is not allowed by its name: say in `read` or `write` with what",
        ),
        (
            r#"{"exec": [{"args": []}]}"#,
            "config.exec[0]: missing field `path`",
        ),
        (
            r#"{"exec": [{"path": "/a", "arg": []}]}"#,
            "config.exec[0].arg: unknown",
        ),
        (
            r#"{"read": ["../x"]}"#,
            "config.read[0]: `../x` is not an absolute path",
        ),
        (r#"{"clients": [{"uid": -1}]}"#, "config.clients[0].uid"),
        (
            r#"{"timeout": "fast"}"#,
            "config.timeout: `fast` is not a time",
        ),
        (
            r#"{"timeout": "1ms"}"#,
            "config.timeout: 1ms is not between 100ms and 1h",
        ),
        (r#"{"wait": "2h"}"#, "config.wait: 2h is not between"),
        (
            r#"{"health": "1ms"}"#,
            "config.health: 1ms is not between 1s and 1day",
        ),
        (r#"{"figures": "1ms"}"#, "config.figures: 1ms"),
        (
            r#"{"slow": [{"command": "a", "timeout": "2h"}]}"#,
            "config.slow[0].timeout: 2h",
        ),
        (
            r#"{"on-stop": "off"}"#,
            "config.on-stop: unknown variant `off`",
        ),
        (
            r#"{"lock-on-disconnect": {"class": "viewer", "path": "/a"}}"#,
            "config.lock-on-disconnect.class: no client has the class `viewer`",
        ),
        (
            r#"{"max-reply": "1GiB"}"#,
            "config.max-reply: 1GiB is not between 16KiB and 64MiB",
        ),
        (
            r#"{"max-command": "10B"}"#,
            "config.max-command: 10B is not between 1KiB and 1MiB",
        ),
    ];
    for (config, message) in cases {
        let error = parse(config).unwrap_err();
        assert!(error.contains(message), "{config}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
