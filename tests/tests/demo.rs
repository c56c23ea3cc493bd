//! `portunus demo` as its user runs it, with a real guest.

#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use portunus_tests::guest::{processes_in, root};
use portunus_tests::program::binary;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// For guests that must come to their end on a loaded machine. So the program
/// ends by itself, and nothing here needs a deadline.
const PATIENT: [&str; 2] = ["--within", "3m"];

/// The demonstration, with its temporary files in a folder of the test's.
fn demo(temporary: &Path, arguments: &[&str]) -> Command {
    let guest = root().unwrap();
    let mut command = Command::new(binary());
    command
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", temporary)
        .env("PORTUNUS_GUEST_DIR", guest.path().parent().unwrap())
        .env_remove("PORTUNUS_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What comes after these words in the one line that has them.
fn told<'output>(output: &'output Output, words: &str) -> &'output str {
    let lines: Vec<&str> = text(&output.stdout)
        .lines()
        .filter_map(|line| line.split_once(words))
        .map(|(_, rest)| rest)
        .collect();
    assert_eq!(lines.len(), 1, "`{words}`: {output:?}");
    lines[0]
}

/// Runs the demonstration to its end, which must be a good one that leaves
/// nothing; the word of the run, and the output.
fn shown(arguments: &[&str]) -> (String, Output) {
    let temporary = TempDir::new().unwrap();
    let arguments = [&PATIENT, arguments].concat();
    let output = demo(temporary.path(), &arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stderr), "");
    assert_nothing_is_left(temporary.path());
    let word = told(&output, "word on the guest's console: ").to_owned();
    (word, output)
}

fn assert_nothing_is_left(temporary: &Path) {
    let files: Vec<_> = fs::read_dir(temporary).unwrap().collect();
    assert!(files.is_empty(), "{files:?}");
    assert_eq!(processes_in(temporary).unwrap(), 0);
}

#[test]
fn one_word_is_in_all_three_places_and_the_next_run_has_another() {
    let (word, output) = shown(&[]);
    assert_eq!(word.len(), "lusab-babad".len(), "{word}");
    for place in [
        "guest | writes to both ports: ",
        "guest | reads what the echo plugin sent: ",
        "host  | logs/guest.log has: ",
    ] {
        assert!(told(&output, place).ends_with(&word), "{place} {output:?}");
    }
    assert!(told(&output, "guest | Linux ").contains("x86_64"));
    assert_eq!(
        told(&output, "guest | in /dev/virtio-ports: "),
        "org.portunus.echo.0 org.portunus.log.0"
    );
    assert_ne!(shown(&[]).0, word);
}

#[test]
fn the_guest_is_told_and_why_it_is_that_one() {
    let (_, output) = shown(&[]);
    let guest = told(&output, "the guest is ");
    let why = match guest.starts_with("Debian's kernel") {
        true => guest,
        false => told(&output, "it is not Debian's own kernel on KVM, "),
    };
    let (_, reason) = why.split_once("since ").unwrap();
    assert!(
        reason.contains("KVM") || reason.contains("/dev/kvm"),
        "{reason}"
    );
}

#[test]
fn what_is_kept_is_a_fine_configuration_and_the_log_with_the_word() {
    let outer = TempDir::new().unwrap();
    let folder = outer.path().join("kept");
    let (word, output) = shown(&["--keep", folder.to_str().unwrap()]);
    assert_eq!(
        told(&output, "demo.toml and logs/guest.log are in "),
        folder.to_str().unwrap()
    );
    let log = fs::read_to_string(folder.join("logs/guest.log")).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(&word), "{log}");
    let mut check = Command::new(binary());
    let checked = check.arg("check").arg(folder.join("demo.toml")).output();
    assert!(checked.unwrap().status.success());
}

#[test]
fn a_folder_in_use_is_a_wrong_command_line_and_left_alone() {
    let (temporary, used) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(used.path().join("demo.toml"), "mine").unwrap();
    let keep = ["--keep", used.path().to_str().unwrap()];
    let output = demo(temporary.path(), &keep).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        text(&output.stderr).contains("this is not empty"),
        "{output:?}"
    );
    let mine = fs::read_to_string(used.path().join("demo.toml")).unwrap();
    assert_eq!(mine, "mine");
    assert_nothing_is_left(temporary.path());
}

/// Waits until the demonstration has said a line with these words.
fn wait_for_line(child: &mut Child, words: &str) -> BufReader<ChildStdout> {
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "no `{words}`");
    }
    output
}

/// Runs the demonstration until the guest lives, then ends it by a signal.
fn interrupted_by(signal: Signal) -> (ExitStatus, String) {
    let temporary = TempDir::new().unwrap();
    let mut child = demo(temporary.path(), &PATIENT).spawn().unwrap();
    let rest = wait_for_line(&mut child, "guest | Linux ");
    assert!(processes_in(temporary.path()).unwrap() > 0);
    kill_process(Pid::from_child(&child), signal).unwrap();
    drop(rest);
    let output = child.wait_with_output().unwrap();
    assert_nothing_is_left(temporary.path());
    (output.status, text(&output.stderr).to_owned())
}

#[test]
fn a_signal_in_the_middle_leaves_nothing_and_is_the_exit_status() {
    for (signal, status, name) in [(Signal::TERM, 143, "SIGTERM"), (Signal::INT, 130, "SIGINT")] {
        let (ended, said) = interrupted_by(signal);
        assert_eq!(ended.code(), Some(status), "{:?}", ended.signal());
        assert_eq!(said, format!("portunus: stopped by {name}\n"));
    }
}

#[test]
fn a_guest_that_takes_too_long_is_told_with_what_it_did_not_do() {
    let temporary = TempDir::new().unwrap();
    let arguments = ["--within", "1ms"];
    let output = demo(temporary.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("the guest did not boot within"), "{said}");
    assert!(said.contains("--within 5m"), "{said}");
    assert_nothing_is_left(temporary.path());
}

#[test]
fn where_packages_cannot_be_had_the_error_says_what_to_do() {
    let (temporary, guest) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let output = demo(temporary.path(), &[])
        .env("PORTUNUS_GUEST_DIR", guest.path())
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.starts_with("portunus: the guest is made of Debian packages"),
        "{said}"
    );
    assert!(said.contains("PORTUNUS_GUEST_DIR"), "{said}");
    assert_nothing_is_left(temporary.path());
}

#[test]
fn its_help_shows_an_example_and_the_exit_statuses() {
    let help = Command::new(binary())
        .args(["demo", "--help"])
        .output()
        .unwrap();
    assert!(help.status.success());
    for words in [
        "Example: portunus demo",
        "--keep <DIR>",
        "--within <TIME>",
        "143",
    ] {
        assert!(text(&help.stdout).contains(words), "{words}: {help:?}");
    }
}
