//! Syslog messages of a program that is not ours, from a real guest's port into a
//! file of JSON.

#![cfg(test)]

use portunus_tests::eventually;
use portunus_tests::guest::DEADLINE;
use portunus_tests::program::Program;
use serde_json::{Value, json};

const SYSLOG: &str = r#"
[vm]
name = "guest-1"

[[port]]
name = "org.portunus.syslog.0"
plugin = "log"
config = { path = "/logs/guest.json", format = "syslog", output = "json" }
grant.dirs = [{ host = "logs", guest = "/logs", access = "write" }]
"#;

/// `logger` of util-linux prints the message that it would send, in each of its
/// three formats, and ends it with a newline where that is no part of the frame.
#[test]
fn messages_of_util_linux_logger_are_told_in_parts_in_each_of_its_formats() {
    let program = Program::serve(SYSLOG);
    let mut guest = program.boot(
        r#"
        # The machine's own root: what is mounted is named from the guest's folder on.
        mount -t hostfs -o ../../../../../../../.. none /mnt
        exec 3>/dev/virtio-ports/org.portunus.syslog.0
        say() { chroot /mnt /usr/bin/logger --stderr --no-act --socket-errors=off "$@" 2>&3; }
        say --rfc3164 --priority daemon.warning --tag disk 'the first: words'
        say --rfc5424 --priority local3.debug --tag app --id=77 --msgid ID \
            --sd-id 'a@1' --sd-param 'b="c \"d\""' --sd-param 'b="e"' 'the second'
        say --rfc5424=notime,nohost --octet-count --tag app 'the third'
        say --rfc3164 --octet-count --tag app 'the fourth'
        say --priority user.info --tag app 'the fifth'
        read -r _"#,
    );
    let file = program.folder().join("logs/guest.json");
    let records = eventually("five records", DEADLINE, || {
        let kept = std::fs::read_to_string(&file).ok()?;
        let records: Vec<Value> = kept
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        (records.len() >= 5).then_some(records)
    });
    let part =
        |name: &str| -> Vec<Value> { records.iter().map(|record| record[name].clone()).collect() };
    assert_eq!(
        part("message"),
        [
            "the first: words",
            "the second",
            "the third",
            "the fourth",
            "the fifth"
        ]
    );
    assert_eq!(part("program"), ["disk", "app", "app", "app", "app"]);
    assert_eq!(
        part("facility"),
        ["daemon", "local3", "user", "user", "user"]
    );
    assert_eq!(
        part("severity"),
        ["warning", "debug", "notice", "notice", "info"]
    );
    let second = &records[1];
    assert_eq!(
        (&second["pid"], &second["id"]),
        (&json!("77"), &json!("ID"))
    );
    assert_eq!(second["data"]["a@1"], json!({"b": [r#"c "d""#, "e"]}));
    assert_eq!(records[2].get("sent"), None);
    assert_eq!(records[2].get("host"), None);
    assert!(
        records
            .iter()
            .all(|record| record["port"] == "org.portunus.syslog.0")
    );
    guest.say("").unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    assert!(program.stop().status.success());
}
