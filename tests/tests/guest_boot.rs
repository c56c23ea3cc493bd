//! The guest by itself, without a device: it boots, it has Debian's udev and
//! Python, it cannot change the folder it came from, and nothing of it remains.

use std::error::Error;

use portunus::guest::{Guest, GuestError, UmlSpec};
use portunus_tests::guest::{DEADLINE, processes_in, root};

/// Boots a guest that runs `script`.
fn boot(script: &str) -> Result<Guest, Box<dyn Error>> {
    let script = format!("#!/bin/sh\n{script}");
    Ok(UmlSpec::new(&root()?, script.as_bytes()).boot()?)
}

#[test]
fn a_debian_boots_with_its_udev_and_python() {
    let mut guest = boot(
        "uname -a >kernel
         udevadm control --ping && echo yes >udev
         readlink /dev/char/1:3 >link
         python3 -c 'import selectors; print(6 * 7)' >python
         getent group tty 2>/dev/null || grep tty: /etc/group >group",
    )
    .unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    let left = |name| String::from_utf8(guest.folder().read(name).unwrap()).unwrap();
    assert!(left("kernel").starts_with("Linux"), "{}", left("kernel"));
    assert_eq!(left("udev"), "yes\n");
    assert_eq!(left("link"), "../null\n", "udev made no link for /dev/null");
    assert_eq!(left("python"), "42\n");
    assert_eq!(left("group"), "tty:*:5:\n");
}

#[test]
fn its_programs_exit_status_and_lines_are_told() {
    let mut guest = boot("echo one; echo two; exit 7").unwrap();
    assert_eq!(
        guest
            .find_line("print `two`", DEADLINE, |line| line == "two")
            .unwrap(),
        "two"
    );
    assert_eq!(guest.finish(DEADLINE).unwrap(), 7);
    assert!(
        guest.console().contains("one\ntwo\n"),
        "{}",
        guest.console()
    );
}

#[test]
fn it_cannot_write_its_root_and_can_write_its_exchange_folder() {
    let mut guest = boot(
        "touch /usr/here /here /etc/here && exit 1
         echo there >/exchange/there",
    )
    .unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    assert_eq!(guest.folder().read("there").unwrap(), b"there\n");
}

#[test]
fn a_line_typed_on_its_console_is_read() {
    let mut guest = boot("echo ready; read -r line; echo \"read: $line\"").unwrap();
    guest
        .find_line("ask", DEADLINE, |line| line == "ready")
        .unwrap();
    guest.say("a line from the host").unwrap();
    guest
        .find_line("answer", DEADLINE, |line| {
            line == "read: a line from the host"
        })
        .unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0);
}

#[test]
fn it_reboots_into_the_same_program() {
    let mut guest =
        boot("echo \"boot $PORTUNUS_BOOT\"; [ $PORTUNUS_BOOT = 2 ] || reboot -f").unwrap();
    for boot in ["boot 1", "boot 2"] {
        guest
            .find_line("boot", DEADLINE, |line| line == boot)
            .unwrap();
    }
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    let folder = guest.folder().path().to_owned();
    assert_eq!(processes_in(&folder).unwrap(), 0);
}

#[test]
fn nothing_remains_of_one_that_is_dropped() {
    let mut guest = boot("sleep 1000 & sleep 1000 & echo busy; sleep 1000").unwrap();
    guest
        .find_line("start", DEADLINE, |line| line == "busy")
        .unwrap();
    let folder = guest.folder().path().to_owned();
    assert!(processes_in(&folder).unwrap() > 2);
    drop(guest);
    assert_eq!(processes_in(&folder).unwrap(), 0);
    assert!(!folder.exists());
}

#[test]
fn one_that_ends_too_early_is_told_with_its_last_words() {
    let mut guest = boot("echo 'last \x1b words'; poweroff -f").unwrap();
    let fault = guest.finish(DEADLINE).unwrap_err();
    assert!(matches!(fault, GuestError::Ended { .. }), "{fault}");
    assert!(
        fault.to_string().contains("  | last \\u{1b} words"),
        "{fault}"
    );
}

#[test]
fn one_that_its_host_forgot_ends_by_itself() {
    let root = root().unwrap();
    let mut spec = UmlSpec::new(&root, b"#!/bin/sh\nsleep 1000\n");
    spec.life = std::time::Duration::from_secs(1);
    let mut guest = spec.boot().unwrap();
    let fault = guest.finish(DEADLINE).unwrap_err();
    assert!(matches!(fault, GuestError::Ended { .. }), "{fault}");
}
