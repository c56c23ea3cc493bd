//! A plugin that fails, as operator, author and guest see it: the program as
//! its user runs it, a real component, and a real guest.

#![cfg(test)]

use portunus::guest::Guest;
use portunus_tests::program::{Program, faulty};

const PORT: &str = "/dev/virtio-ports/org.portunus.faulty.0";

/// A port that fails as it is told, with more keys, and one that logs.
fn config(keys: &str) -> String {
    let component = faulty();
    format!(
        r#"
        vm.name = "guest-1"
        [[port]]
        name = "org.portunus.faulty.0"
        plugin = "{component}"
        {keys}
        [[port]]
        name = "org.portunus.log.0"
        plugin = "log"
        config = {{ path = "/logs/guest.log" }}
        grant.dirs = [{{ host = "logs", guest = "/logs", access = "write" }}]
        "#
    )
}

/// Boots a guest that runs a script, with the program's ports.
fn boot(program: &Program, script: &str) -> Guest {
    program.boot(&with_port(script))
}

/// Runs such a guest to its end, and answers its console.
fn run(program: &Program, script: &str) -> String {
    program.run(&with_port(script))
}

fn with_port(script: &str) -> String {
    format!("port={PORT}\n{script}")
}

/// What a field of a line of the log says.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!(" {name}=")).expect(name);
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap(),
        None => rest.split(' ').next().unwrap(),
    }
}

#[test]
fn a_crash_report_names_call_cause_and_function_in_one_line() {
    let mut program = Program::serve(&config(""));
    run(&program, "echo 'panic \x1b[31m' >$port");
    let words = program.find_line("cannot parse");
    assert!(!words.contains('\x1b'), "{words}");
    let report = program.find_line("the plugin failed");
    assert!(
        report.contains("port{name=org.portunus.faulty.0 id=1}"),
        "{report}"
    );
    assert_eq!(field(&report, "export"), "on-data");
    assert_eq!(field(&report, "cause"), "trap");
    assert_eq!(field(&report, "lost_bytes"), "12");
    assert_eq!(field(&report, "rest_ms"), "100");
    let backtrace = field(&report, "backtrace");
    assert!(backtrace.contains("parse_clipboard"), "{backtrace}");
    assert!(backtrace.contains("on_data"), "{backtrace}");
    program.find_line("a new instance of the plugin took over");
    assert!(program.stop().status.success());
}

#[test]
fn a_crash_report_names_the_limit_with_its_value_also_as_json() {
    let limit = r#"limit = { cpu = "50ms", memory = "4MiB" }"#;
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    std::fs::write(folder.path().join("vm.toml"), config(limit)).unwrap();
    let mut program = Program::serve_in(folder, &["--log-format", "json"]);
    let fails = [
        ("loop", "cpu", "`cpu`, of 50ms", "compute_for_ever"),
        ("hoard", "memory", "`memory`, is 4194304", "hoard_memory"),
    ];
    for (order, cause, value, function) in fails {
        run(&program, &format!("echo {order} >$port"));
        let report = program.find_line("the plugin failed");
        for words in [&format!(r#""cause":"{cause}""#), value, function] {
            assert!(report.contains(words), "{words}: {report}");
        }
        program.find_line("took over");
    }
    assert!(program.stop().status.success());
}

#[test]
fn past_its_budget_a_port_is_closed_for_good_and_the_guest_goes_on() {
    let mut program = Program::serve(&config("restart.budget = 0"));
    let console = run(
        &program,
        r#"
        exec 3<>$port
        echo panic >&3
        cat <&3 >/dev/null
        echo 'seen closed for good'
        echo 'another port works' >/dev/virtio-ports/org.portunus.log.0
        "#,
    );
    assert!(console.contains("seen closed for good"), "{console}");
    let told = program.find_line("the plugin is not started again");
    assert!(told.contains("the port is closed for good"), "{told}");
    assert_eq!(field(&told, "budget"), "0");
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    let kept = std::fs::read_to_string(ended.folder.path().join("logs/guest.log")).unwrap();
    assert!(kept.contains("another port works"), "{kept}");
}

#[test]
fn past_its_budget_a_port_that_is_drained_still_takes_what_the_guest_writes() {
    let keys = r#"restart = { budget = 0, then = "drain" }"#;
    let mut program = Program::serve(&config(keys));
    // More than the ring and any buffer hold: it is completed, or this hangs.
    run(
        &program,
        "echo panic >$port
         dd if=/dev/zero of=$port bs=64k count=320",
    );
    let told = program.find_line("the plugin is not started again");
    assert!(told.contains("the port stays open"), "{told}");
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    let counted = ended
        .log
        .lines()
        .find(|line| line.contains("org.portunus.faulty.0") && line.contains("session ends"));
    let counted = counted.unwrap();
    let discarded: u64 = field(counted, "discarded_bytes").parse().unwrap();
    assert!(discarded >= 320 * 64 * 1024, "{counted}");
    assert_eq!(field(counted, "lost_to_failure_bytes"), "6");
}

#[test]
fn a_machine_that_is_not_to_run_without_a_port_is_stopped_in_order() {
    let keys = r#"restart = { budget = 0, then = "stop-vm" }"#;
    let program = Program::serve(&config(keys));
    let guest = boot(
        &program,
        "echo 'before the end' >/dev/virtio-ports/org.portunus.log.0
         echo panic >$port
         sleep 1000",
    );
    let ended = program.wait();
    drop(guest);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    let last = ended.log.lines().last().unwrap();
    assert!(
        last.starts_with("portunus: port `org.portunus.faulty.0` failed more often")
            && last.contains("on-data: the plugin trapped"),
        "{last}"
    );
    assert!(!ended.folder.path().join("vm.sock").exists());
    // The other port's plugin was told to stop: what it had is on disk.
    let kept = std::fs::read_to_string(ended.folder.path().join("logs/guest.log")).unwrap();
    assert!(kept.contains("before the end"), "{kept}");
    assert!(ended.log.contains("stopped"), "{}", ended.log);
}
