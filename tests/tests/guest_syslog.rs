//! Syslog messages of a program that is not ours, from a real guest's port into a
//! file of JSON.

#![cfg(test)]

use std::path::Path;

use portunus::guest::{Software, UmlSpec};
use portunus_tests::eventually;
use portunus_tests::guest::{DEADLINE, root_with};
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

[[port]]
name = "org.fedoraproject.anaconda.log.0"
plugin = "log"
config = { path = "/logs/anaconda.json", format = "anaconda", output = "json" }
grant.dirs = [{ host = "logs", guest = "/logs", access = "write" }]
"#;

const RSYSLOG: Software<'_> = Software {
    name: "rsyslog",
    packages: &["rsyslog"],
};

/// What a file has now.
fn records(file: &Path) -> Vec<Value> {
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let whole = kept
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

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
        Some(records(&file)).filter(|records| records.len() >= 5)
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

/// busybox's `logger` says something to rsyslogd, which writes it to two ports: as
/// `docs/LOG.md` has it, and as Fedora's installer images do.
#[test]
fn what_rsyslogd_writes_to_its_ports_is_told_in_parts() {
    let program = Program::serve(SYSLOG);
    let root = root_with(RSYSLOG).unwrap();
    let script = r##"#!/bin/busybox sh
        set -e
        cat >/tmp/rsyslog.conf <<'END'
module(load="imuxsock")
$template anaconda_syslog, "%timestamp:8:$:date-rfc3164%,%timestamp:1:3:date-subseconds% %syslogseverity-text:::uppercase% %programname%:%msg%\n"
local1.* /dev/virtio-ports/org.portunus.syslog.0;RSYSLOG_SyslogProtocol23Format
local1.* /dev/virtio-ports/org.fedoraproject.anaconda.log.0;anaconda_syslog
END
        rsyslogd -n -f /tmp/rsyslog.conf -i /tmp/rsyslogd.pid &
        until [ -S /dev/log ]; do :; done
        logger -t anaconda -p local1.warning 'storage: no disk selected'
        read -r _"##;
    let mut guest = program.boot_spec(UmlSpec::new(&root, script.as_bytes()));
    let told = |file: &str| {
        let file = program.folder().join("logs").join(file);
        let record = eventually(file.to_str().unwrap(), DEADLINE, || records(&file).pop());
        let part = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        ["severity", "program", "message", "sent"].map(part)
    };
    let [severity, tag, message, sent] = told("guest.json");
    assert_eq!([&*severity, &*tag], ["warning", "anaconda"]);
    // The space behind a tag is rsyslog's first word.
    assert_eq!(message, " storage: no disk selected");
    assert_eq!(sent.find('T'), Some(10), "{sent}");
    let [severity, tag, message, sent] = told("anaconda.json");
    assert_eq!([&*severity, &*tag], ["warning", "anaconda"]);
    assert_eq!(message, "storage: no disk selected");
    assert_eq!(sent.len(), "10:05:58,034".len(), "{sent}");
    assert_eq!(sent.find(','), Some(8), "{sent}");
    guest.say("").unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    assert!(program.stop().status.success());
}
