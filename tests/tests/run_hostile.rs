//! A guest that misbehaves at the bus of `portunus run`, in every way that the
//! guest image knows (`tests/guest-image/guest/src/hostile.rs`): the machine goes
//! on, the device comes up again, and nothing grows.

#![cfg(test)]

use std::fs;

use portunus_guest_image::PATH as GUEST;
use portunus_tests::bench::idle::kib;
use portunus_tests::eventually;
use portunus_tests::guest::DEADLINE;
use portunus_tests::program::Program;

/// What one run of it may leave resident beyond a guest that behaves, in KiB: pages
/// of code and stacks that were touched once. The guest does hundreds of things,
/// of which none may keep so much.
const LEFT_KIB: f64 = 4096.0;

/// What misbehaving over either bus tells, once it is survived.
const SURVIVED: [&str; 6] = [
    "survived resets at each step of the handshake",
    "survived queue sizes that are none",
    "survived queues outside of memory",
    "survived steps out of order, and twice",
    "survived notifications for queues that do not exist",
    "survived odd accesses all over the registers",
];

/// Over PCI there is more to do.
const SURVIVED_PCI: [&str; 3] = [
    "survived odd accesses all over configuration space",
    "survived BARs moved and switched off under a running device",
    "survived vectors that do not exist, and masks",
];

fn config(words: &str, transport: &str) -> String {
    format!(
        r#"
[vm]
kernel = "{GUEST}"
cmdline = "{words} end=halt"
memory = "32MiB"
serial = "file:serial.log"
transport = "{transport}"
grace = "100ms"

[[port]]
name = "org.portunus.echo.0"
plugin = "echo"

[[port]]
name = "org.portunus.echo.1"
plugin = "echo"
"#
    )
}

/// Runs a guest until it halts with its device in use.
fn halted(words: &str, transport: &str) -> (Program, String) {
    let program = Program::run_machine(&config(words, transport));
    let log = program.folder().join("serial.log");
    let said = eventually("the guest halts", DEADLINE, || {
        let said = fs::read_to_string(&log).unwrap();
        said.contains("ends: halt").then_some(said)
    });
    (program, said)
}

fn descriptors(program: &Program) -> usize {
    let pid = program.pid().as_raw_pid();
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Misbehaves over a bus, beside a guest that does not.
fn misbehave(transport: &str, survived: &[&str]) {
    let (behaves, _) = halted("", transport);
    let (mut program, said) = halted("hostile", transport);
    for line in survived {
        assert!(said.contains(line), "no `{line}`: {said}");
    }
    assert!(said.contains("rings refused: 21 of 21"), "{said}");
    assert!(!said.contains("FAILED"), "{said}");

    let log = program.log().to_owned();
    assert!(log.contains("where it has no memory"), "{log}");
    assert!(log.lines().count() < 64, "{log}");
    assert_eq!(descriptors(&program), descriptors(&behaves), "{log}");
    let more = kib(&program, "VmRSS").unwrap() - kib(&behaves, "VmRSS").unwrap();
    assert!(more < LEFT_KIB, "{more} KiB are left");
    for program in [program, behaves] {
        let ended = program.stop();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    }
}

#[test]
fn a_guest_that_misbehaves_over_pci_is_survived_and_leaves_nothing() {
    misbehave("pci", &[SURVIVED.as_slice(), &SURVIVED_PCI].concat());
}

#[test]
fn a_guest_that_misbehaves_over_mmio_is_survived_and_leaves_nothing() {
    misbehave("mmio", &SURVIVED);
}
