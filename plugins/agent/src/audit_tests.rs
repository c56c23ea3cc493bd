//! Tests of `audit.rs`.

use super::*;

const TOOK: Duration = Duration::from_micros(12_700);

fn client() -> Who {
    Who::Client {
        channel: 3,
        pid: 4242,
        uid: 1000,
        gid: 100,
        class: Some("viewer".into()),
    }
}

fn line(who: &Who, command: &Command, end: End, took: Duration) -> String {
    super::line(&asked(who, command), end, took)
}

#[test]
fn a_line_says_who_what_how_and_how_long() {
    let command = Command::plain("guest-file-open")
        .with("path", "/var/log/a b")
        .with("mode", "rb");
    let wanted = "audit uid=1000 gid=100 pid=4242 channel=3 class=viewer command=guest-file-open path=\"/var/log/a b\" mode=rb result=done ms=12";
    assert_eq!(line(&client(), &command, End::Done, TOOK), wanted);

    let shutdown = Command::plain("guest-shutdown").with("mode", "powerdown");
    let end = End::Failed(Class::CommandNotFound);
    let wanted = "audit by=portunus command=guest-shutdown mode=powerdown result=failed:CommandNotFound ms=0";
    assert_eq!(line(&Who::Own, &shutdown, end, Duration::ZERO), wanted);
}

#[test]
fn every_end_has_a_word() {
    let ends = [
        (End::Refused(Refusal::Command), "refused:command"),
        (End::Refused(Refusal::Program), "refused:program"),
        (End::Refused(Refusal::Path), "refused:path"),
        (End::Refused(Refusal::Handle), "refused:handle"),
        (End::Refused(Refusal::Arguments), "refused:arguments"),
        (End::Late, "late"),
        (End::Gone, "gone"),
        (End::Busy, "busy"),
        (End::Unfit, "unfit"),
        (End::Left, "left"),
    ];
    for (end, word) in ends {
        assert_eq!(end.to_string(), word);
    }
}

#[test]
fn no_secret_is_told() {
    let secret = "c2VjcmV0";
    let commands = [
        Command::plain("guest-exec")
            .with("path", "/bin/sh")
            .with("arg", vec![secret, secret])
            .with("env", vec![format!("TOKEN={secret}")])
            .with("input-data", secret),
        Command::plain("guest-set-user-password")
            .with("username", "ann")
            .with("password", secret)
            .with("crypted", true),
        Command::plain("guest-file-write")
            .with("handle", 7)
            .with("buf-b64", secret),
        Command::plain("guest-ssh-add-authorized-keys")
            .with("username", "ann")
            .with("keys", vec![secret]),
        Command::plain("guest-x").with("path", vec![secret]),
    ];
    let lines = commands.map(|command| line(&client(), &command, End::Done, TOOK));
    for line in &lines {
        assert!(!line.contains(secret), "{line}");
    }
    assert!(
        lines[0].contains(" path=/bin/sh args=2 envs=1 "),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains(" username=ann "), "{}", lines[1]);
    assert!(lines[2].contains(" handle=7 "), "{}", lines[2]);
    assert!(lines[3].contains(" username=ann keys=1 "), "{}", lines[3]);
}

#[test]
fn words_of_a_client_cannot_pass_for_ours_or_be_long() {
    let name = format!(
        "x result=done\n\u{1b}[31m\u{202e}\"\\{}",
        "y".repeat(1 << 16)
    );
    let told = line(&client(), &Command::plain(&name), End::Late, TOOK);
    let begin = r#"command="x result=done\u{a}\u{1b}[31m\u{202e}\"\\yyy"#;
    assert!(told.contains(begin), "{told}");
    assert!(told.ends_with("yyy\"+65304 result=late ms=12"), "{told}");
    assert!(told.len() < 600, "{}", told.len());
    let empty = line(&client(), &Command::plain(""), End::Late, TOOK);
    assert!(empty.contains(" command=\"\" "), "{empty}");
}
