//! `portunus run` on this machine's KVM, with a guest that has no operating
//! system: how it ends, how it is stopped, and what it leaves.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use portunus_guest_image::PATH as GUEST;
use portunus_tests::eventually;
use portunus_tests::guest::{DEADLINE, project};
use portunus_tests::program::{Ended, Program, binary};
use rustix::process::Signal;
use tempfile::TempDir;

/// A machine whose guest has these words on its command line, and says what it
/// does in `serial.log`; `keys` are further ones of `[vm]`.
fn machine(words: &str, keys: &str) -> String {
    format!(
        r#"
[vm]
kernel = "{GUEST}"
cmdline = "{words}"
memory = "32MiB"
serial = "file:serial.log"
{keys}

[metrics]
socket = "metrics.sock"

[[port]]
name = "org.portunus.echo.0"
plugin = "echo"
"#
    )
}

fn said(folder: &Path) -> String {
    fs::read_to_string(folder.join("serial.log")).unwrap()
}

/// Waits until the guest has said something so often.
fn heard(program: &Program, words: &str, times: usize) {
    eventually(words, DEADLINE, || {
        (said(program.folder()).matches(words).count() >= times).then_some(())
    });
}

fn status(ended: &Ended) -> i32 {
    ended
        .status
        .code()
        .unwrap_or_else(|| panic!("{}", ended.log))
}

#[test]
fn the_exit_status_says_how_the_guest_ended() {
    let ends = [
        ("poweroff", 0, "the guest powered off"),
        ("reboot", 0, "the guest rebooted, and is not started again"),
        (
            "keyboard",
            0,
            "the guest rebooted, and is not started again",
        ),
        ("triple-fault", 3, "triple fault"),
    ];
    for (how, expected, words) in ends {
        let words_of_guest = format!("ports=0 end={how}");
        let config = machine(&words_of_guest, "on-reboot = \"exit\"");
        let ended = Program::run_machine(&config).wait();
        assert_eq!(status(&ended), expected, "{how}: {}", ended.log);
        assert!(ended.log.contains(words), "{how}: {}", ended.log);
        let said = said(ended.folder.path());
        assert!(said.contains(&format!("guest: ends: {how}")), "{said}");
        assert!(!ended.folder.path().join("metrics.sock").exists());
    }
}

#[test]
fn a_guest_that_reboots_is_started_again_until_it_is_stopped() {
    let program = Program::run_machine(&machine("ports=0 end=reboot", ""));
    heard(&program, "guest: up", 3);
    let ended = program.stop();
    assert_eq!(status(&ended), 0, "{}", ended.log);
    assert!(
        ended.log.contains("the machine starts again"),
        "{}",
        ended.log
    );
}

#[test]
fn a_stop_presses_the_power_button_and_waits_for_the_guest() {
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::run_machine(&machine("ports=0 end=button", ""));
        heard(&program, "guest: ends: button", 1);
        program.signal(signal);
        let ended = program.wait();
        assert_eq!(status(&ended), 0, "{}", ended.log);
        let said = said(ended.folder.path());
        assert!(said.contains("the power button was pressed"), "{said}");
    }
}

#[test]
fn a_guest_that_ignores_its_power_button_ends_after_the_grace() {
    for how in ["spin", "halt"] {
        let words = format!("ports=0 end={how}");
        let program = Program::run_machine(&machine(&words, "grace = \"100ms\""));
        heard(&program, "guest: ends: ", 1);
        let ended = program.stop();
        assert_eq!(status(&ended), 0, "{}", ended.log);
        assert!(
            ended.log.contains("did not power off within the grace"),
            "{}",
            ended.log
        );
    }
}

#[test]
fn a_second_signal_ends_the_machine_at_once() {
    for (signal, expected) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut program = Program::run_machine(&machine("ports=0 end=spin", "grace = \"60m\""));
        program.signal(Signal::TERM);
        program.find_line("stopping");
        program.signal(signal);
        let ended = program.wait();
        assert_eq!(status(&ended), expected, "{}", ended.log);
        assert!(!ended.folder.path().join("metrics.sock").exists());
    }
}

#[test]
fn a_machine_runs_again_at_once_in_what_another_left() {
    let mut folder = TempDir::new().unwrap();
    for end in ["poweroff", "button", "poweroff"] {
        let config = machine(&format!("ports=0 end={end}"), "");
        fs::write(folder.path().join("vm.toml"), config).unwrap();
        let program = Program::run_machine_in(folder);
        heard(&program, "guest: ends: ", 1);
        let ended = program.stop();
        assert_eq!(status(&ended), 0, "{}", ended.log);
        folder = ended.folder;
        let names = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["serial.log", "vm.toml"]);
    }
}

#[test]
fn what_a_guest_says_goes_to_standard_output_where_that_is_no_terminal() {
    let config = machine("ports=0", "").replace("serial = \"file:serial.log\"", "");
    let output = run(&config, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().last(), Some("guest: ends: poweroff"), "{said}");
}

/// A machine with an echo port and a log port.
fn machine_with_ports(words: &str, keys: &str) -> String {
    let log = r#"
[[port]]
name = "org.portunus.log.0"
plugin = "log"
config = { path = "/logs/guest.log" }
grant.dirs = [{ host = "logs", guest = "/logs", access = "write" }]
"#;
    machine(words, keys) + log
}

#[test]
fn plugins_answer_over_either_transport() {
    let second = "[[port]]\nname = \"org.portunus.echo.1\"\nplugin = \"echo\"\n";
    for (transport, words) in [("pci", "ports=2"), ("pci", "poll"), ("mmio", "ports=2")] {
        let config = machine(words, &format!("transport = \"{transport}\"")) + second;
        let ended = Program::run_machine(&config).wait();
        assert_eq!(status(&ended), 0, "{}", ended.log);
        let said = said(ended.folder.path());
        for port in ["org.portunus.echo.0", "org.portunus.echo.1"] {
            assert!(
                said.contains(&format!("{port} echoed ")),
                "{transport}: {said}"
            );
        }
        assert!(!said.contains("FAILED"), "{transport}: {said}");
    }
}

#[test]
fn a_guest_that_reboots_finds_its_ports_again() {
    let program = Program::run_machine(&machine("ports=1 end=reboot", ""));
    heard(&program, "org.portunus.echo.0 echoed ", 3);
    let ended = program.stop();
    assert_eq!(status(&ended), 0, "{}", ended.log);
    assert!(!said(ended.folder.path()).contains("FAILED"));
}

#[test]
fn what_the_device_has_taken_is_kept_whatever_ends_the_machine() {
    const LINES: usize = 1_000;
    for (end, keys) in [
        ("poweroff", ""),
        ("reboot", "on-reboot = \"exit\""),
        ("button", ""),
        ("spin", "grace = \"1s\""),
        ("triple-fault", ""),
    ] {
        let words = format!("ports=2 rounds=0 lines=org.portunus.log.0:{LINES} end={end}");
        let program = Program::run_machine(&machine_with_ports(&words, keys));
        heard(&program, "guest: ends: ", 1);
        let ended = match end {
            "button" | "spin" => program.stop(),
            _ => program.wait(),
        };
        let log = fs::read_to_string(ended.folder.path().join("logs/guest.log")).unwrap();
        let numbers = log.lines().map(|line| line.rsplit(' ').next().unwrap());
        let expected: Vec<_> = (0..LINES).map(|number| format!("{number:06}")).collect();
        assert_eq!(
            numbers.collect::<Vec<_>>(),
            expected,
            "{end}: {}",
            ended.log
        );
    }
}

/// Runs a configuration to its end, in a folder with these files.
fn run(config: &str, files: &[(&str, &[u8])]) -> Output {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("vm.toml"), config).unwrap();
    for (name, contents) in files {
        fs::write(folder.path().join(name), contents).unwrap();
    }
    Command::new(binary())
        .args(["run", "vm.toml"])
        .current_dir(folder.path())
        .env("PORTUNUS_CACHE_DIR", project().join("target/cache"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn what_cannot_boot_is_refused_with_its_place() {
    let files: [(&str, &[u8]); 2] = [("text", b"not a kernel"), ("huge", &[0; 40 << 20])];
    let named = |name: &str| machine("ports=0", "").replace(GUEST, name);
    let refused = [
        (named("text"), "is not a kernel that this machine starts"),
        (named("absent"), "the kernel `absent` does not exist"),
        (named("."), "the kernel `.` is no file"),
        (
            machine("ports=0", "initrd = \"huge\""),
            "give the guest more memory",
        ),
        (
            machine("ports=0", "").replace("kernel =", "# "),
            "`vm.kernel` is missing",
        ),
        (machine("ports=0", "cpus = 65"), "more than the 64 allowed"),
    ];
    for (config, words) in refused {
        let output = run(&config, &files);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        let unwrapped = told.replace("\n      ", " ").replace("\n  | ", " ");
        assert!(unwrapped.contains(words), "{words}: {told}");
    }
}
