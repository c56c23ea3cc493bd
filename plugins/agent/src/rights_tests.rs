//! Tests of `rights.rs`.

use serde_json::json;

use super::*;
use Refusal::{Arguments, Path, Program};

fn command(name: &str, arguments: Value) -> Command {
    let Value::Object(arguments) = arguments else {
        panic!("{arguments}");
    };
    Command {
        name: name.into(),
        arguments,
    }
}

fn rights() -> Rights {
    let patterns = |words: &[&str]| words.iter().map(|word| Pattern::new(word)).collect();
    Rights {
        allow: patterns(&["guest-*"]),
        deny: patterns(&["guest-set-*", "guest-fsfreeze-freeze*"]),
        exec: serde_json::from_value(json!([
            {"path": "/usr/bin/true"},
            {"path": "/usr/bin/loginctl", "args": ["lock-session*"]},
            {"path": "/opt/tool-*", "args": ["run", "..."], "env": ["LANG=*"], "input": true},
        ]))
        .unwrap(),
        read: serde_json::from_value(json!(["/var/log", "/etc/hostname"])).unwrap(),
        write: serde_json::from_value(json!(["/var/tmp/in"])).unwrap(),
    }
}

fn judge(name: &str, arguments: Value) -> Result<Meaning, Refusal> {
    let owns = |handle| [Handle::File(7), Handle::Process(9)].contains(&handle);
    rights().judge(&command(name, arguments), owns)
}

#[test]
fn a_command_is_allowed_by_a_pattern_unless_one_denies_it() {
    assert_eq!(judge("guest-ping", json!({})), Ok(Meaning::Plain));
    assert_eq!(judge("guest-info", json!({})), Ok(Meaning::Info));
    assert_eq!(judge("guest-shutdown", json!({})), Ok(Meaning::Silent));
    for name in [
        "guest-set-user-password",
        "guest-fsfreeze-freeze-list",
        "quit",
        "",
        "guest-\0",
    ] {
        assert_eq!(judge(name, json!({})), Err(Refusal::Command), "{name}");
    }
}

#[test]
fn the_protocols_own_commands_are_always_allowed() {
    let nothing = Rights {
        allow: Vec::new(),
        deny: vec![Pattern::new("*")],
        exec: Vec::new(),
        read: Vec::new(),
        write: Vec::new(),
    };
    let sync = |name, id: Value| nothing.judge(&command(name, json!({"id": id})), |_| false);
    for (name, delimited) in [("guest-sync", false), ("guest-sync-delimited", true)] {
        let number = i64::MIN;
        let wanted = Ok(Meaning::Sync { number, delimited });
        assert_eq!(sync(name, number.into()), wanted);
        for id in [json!("1"), json!(1.5), json!(u64::MAX), json!(null)] {
            assert_eq!(sync(name, id), Err(Arguments));
        }
    }
}

#[test]
fn what_has_rules_of_its_own_needs_them_whatever_a_pattern_allows() {
    let mut rights = rights();
    rights.exec.clear();
    rights.read.clear();
    rights.write.clear();
    let cases = [
        command("guest-exec", json!({"path": "/usr/bin/true"})),
        command("guest-file-open", json!({"path": "/var/log/a"})),
        command("guest-exec-later", json!({})),
        command("guest-file-later", json!({})),
    ];
    for command in cases {
        let judged = rights.judge(&command, |_| true);
        assert_eq!(judged, Err(Refusal::Command), "{command:?}");
    }
}

#[test]
fn a_program_is_run_only_with_what_its_rule_allows() {
    let allowed = [
        json!({"path": "/usr/bin/true"}),
        json!({"path": "/usr/bin/true", "arg": [], "capture-output": true}),
        json!({"path": "/usr/bin/loginctl", "arg": ["lock-sessions"]}),
        json!({"path": "/opt/tool-2", "arg": ["run"], "env": ["LANG=C"]}),
        json!({"path": "/opt/tool-2", "arg": ["run", "a", "..."], "input-data": "eA=="}),
    ];
    for arguments in allowed {
        let judged = judge("guest-exec", arguments.clone());
        assert_eq!(judged, Ok(Meaning::Exec), "{arguments}");
    }
    let refused = [
        (json!({}), Arguments),
        (json!({"path": 1}), Arguments),
        (json!({"path": "/usr/bin/true", "arg": "x"}), Arguments),
        (json!({"path": "/usr/bin/true", "arg": [1]}), Arguments),
        (json!({"path": "/usr/bin/true", "arg": null}), Arguments),
        (json!({"path": "/usr/bin/true", "new": 1}), Arguments),
        (json!({"path": "/usr/bin/false"}), Program),
        (json!({"path": "/usr/bin/true", "arg": ["x"]}), Program),
        (
            json!({"path": "/usr/bin/true", "env": ["LD_PRELOAD=x"]}),
            Program,
        ),
        (json!({"path": "/usr/bin/true", "input-data": ""}), Program),
        (json!({"path": "/usr/bin/loginctl"}), Program),
        (
            json!({"path": "/usr/bin/loginctl", "arg": ["unlock-sessions"]}),
            Program,
        ),
        (
            json!({"path": "/usr/bin/loginctl", "arg": ["lock-session", "1"]}),
            Program,
        ),
        (json!({"path": "/opt/tool-2", "arg": []}), Program),
        (
            json!({"path": "/opt/tool-2", "arg": ["run"], "env": ["LANG=C", "A=b"]}),
            Program,
        ),
        (
            json!({"path": "/opt/tool-/../../bin/sh", "arg": ["run"]}),
            Program,
        ),
    ];
    for (arguments, refusal) in refused {
        let judged = judge("guest-exec", arguments.clone());
        assert_eq!(judged, Err(refusal), "{arguments}");
    }
}

#[test]
fn a_file_is_opened_only_below_a_path_that_its_mode_allows() {
    let allowed = [
        json!({"path": "/var/log/syslog"}),
        json!({"path": "/etc/hostname", "mode": "rb"}),
        json!({"path": "/var/tmp/in/a", "mode": "w"}),
        json!({"path": "/var/tmp/in", "mode": "ab"}),
    ];
    for arguments in allowed {
        let judged = judge("guest-file-open", arguments.clone());
        assert_eq!(judged, Ok(Meaning::Open), "{arguments}");
    }
    let refused = [
        (json!({}), Arguments),
        (json!({"path": "/var/log/a", "mode": "rw"}), Arguments),
        (json!({"path": "/var/log/a", "mode": 1}), Arguments),
        (json!({"path": "/var/log/a", "mode": "w"}), Path),
        (json!({"path": "/var/log/a", "mode": "r+"}), Path),
        (json!({"path": "/var/tmp/in/a"}), Path),
        (json!({"path": "/var/tmp/in/a", "mode": "a+"}), Path),
        (json!({"path": "/var/log/../../etc/shadow"}), Path),
        (json!({"path": "/etc/hostname2"}), Path),
        (json!({"path": "etc/hostname"}), Path),
    ];
    for (arguments, refusal) in refused {
        let judged = judge("guest-file-open", arguments.clone());
        assert_eq!(judged, Err(refusal), "{arguments}");
    }
}

#[test]
fn a_handle_is_used_only_by_the_client_that_has_it() {
    for name in ["read", "write", "seek", "flush"] {
        let name = format!("guest-file-{name}");
        let uses = Ok(Meaning::Uses(Handle::File(7)));
        assert_eq!(judge(&name, json!({"handle": 7})), uses);
        assert_eq!(judge(&name, json!({"handle": 8})), Err(Refusal::Handle));
        assert_eq!(judge(&name, json!({"handle": 9})), Err(Refusal::Handle));
        assert_eq!(judge(&name, json!({"handle": "7"})), Err(Arguments));
    }
    let closes = Ok(Meaning::Closes(Handle::File(7)));
    assert_eq!(judge("guest-file-close", json!({"handle": 7})), closes);
    let uses = Ok(Meaning::Uses(Handle::Process(9)));
    assert_eq!(judge("guest-exec-status", json!({"pid": 9})), uses);
    assert_eq!(
        judge("guest-exec-status", json!({"pid": 7})),
        Err(Refusal::Handle)
    );
}

#[test]
fn what_a_client_may_ask_at_all_is_known_by_name() {
    let rights = rights();
    for name in ["guest-sync", "guest-ping", "guest-exec", "guest-file-read"] {
        assert!(rights.may_ask(name), "{name}");
    }
    for name in ["guest-set-time", "guest-exec-later", "quit"] {
        assert!(!rights.may_ask(name), "{name}");
    }
    let without = Rights {
        exec: Vec::new(),
        read: Vec::new(),
        write: Vec::new(),
        ..rights
    };
    for name in ["guest-exec-status", "guest-file-open"] {
        assert!(!without.may_ask(name), "{name}");
    }
}
