//! Tests of `info.rs`.

use super::*;

const REPLY: &str = r#"{"version": "7.2.22", "supported_commands": [{"enabled": true, "name": "guest-get-cpustats", "success-response": true}, {"enabled": false, "name": "guest-get-diskstats", "success-response": true}, {"enabled": true, "name": "guest-exec", "success-response": true}, {"enabled": true, "name": "guest-ping"}]}"#;

#[test]
fn an_agents_version_and_its_figures_are_read() {
    let info = Info::read(REPLY).unwrap();
    assert_eq!(info.version, [7, 2, 22]);
    assert_eq!(info.figures, BTreeSet::from([Figure::Processors]));
}

#[test]
fn versions_are_as_many_numbers_as_there_are() {
    for (text, wanted) in [
        ("10.0.0", [10, 0, 0]),
        ("2.12", [2, 12, 0]),
        ("9.2.1 (qemu-9.2.1-1.fc42)", [9, 2, 1]),
        ("", [0, 0, 0]),
        ("99999999999.3", [0, 3, 0]),
    ] {
        assert_eq!(numbers(text), wanted, "{text}");
    }
}

#[test]
fn a_client_sees_what_it_may_ask() {
    let seen = view(REPLY, |name| name != "guest-exec").unwrap();
    let wanted = r#"{"version":"7.2.22","supported_commands":[{"enabled":true,"name":"guest-get-cpustats","success-response":true},{"enabled":false,"name":"guest-get-diskstats","success-response":true},{"enabled":false,"name":"guest-exec","success-response":true},{"enabled":true,"name":"guest-ping"}]}"#;
    assert_eq!(seen, wanted);
}

#[test]
fn what_is_no_such_reply_is_nothing() {
    let long = format!(
        r#"{{"version": "1", "supported_commands": [{}{{"enabled": true, "name": "a"}}]}}"#,
        r#"{"enabled": true, "name": "a"},"#.repeat(1 << 13)
    );
    assert!(Info::read(&long).is_some());
    assert_eq!(view(&long, |_| true), None);
    for json in [
        "{}",
        "[]",
        r#"{"version": 7, "supported_commands": []}"#,
        r#"{"version": "7", "supported_commands": {}}"#,
        r#"{"version": "7", "supported_commands": [{"name": "a"}]}"#,
    ] {
        assert_eq!(Info::read(json), None, "{json}");
    }
}
