//! `portunus run` at a terminal: every key is the guest's meanwhile, and the
//! terminal is as it was, however the program ends.

#![cfg(test)]

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};

use nix::pty::openpty;
use portunus_guest_image::PATH as GUEST;
use portunus_tests::eventually;
use portunus_tests::guest::{DEADLINE, project};
use portunus_tests::lines::Lines;
use portunus_tests::program::{binary, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, Termios, tcgetattr};
use tempfile::TempDir;

/// The program in front of a terminal of its own.
struct Session {
    child: Child,
    /// Our hand on the terminal: what is typed.
    keyboard: File,
    screen: Lines,
    terminal: OwnedFd,
    before: Termios,
    _folder: TempDir,
}

impl Session {
    /// Runs a machine whose guest has these words on its command line.
    fn start(words: &str) -> Self {
        Self::start_with(words, "")
    }

    /// The same with further keys of `[vm]`.
    fn start_with(words: &str, keys: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config = format!(
            "[vm]\nkernel = \"{GUEST}\"\ncmdline = \"{words}\"\nmemory = \"32MiB\"\n{keys}\n\
             grace = \"60m\"\n[[port]]\nname = \"a\"\nplugin = \"echo\"\n"
        );
        fs::write(folder.path().join("vm.toml"), config).unwrap();
        let pty = openpty(None, None).unwrap();
        let end = || pty.slave.try_clone().unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        // The terminal is the program's own, as a shell's job has it.
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(binary())
            .args(["run", "vm.toml"])
            .current_dir(folder.path())
            .env("PORTUNUS_CACHE_DIR", project().join("target/cache"))
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let keyboard = File::from(pty.master);
        let screen = Lines::read(keyboard.try_clone().unwrap());
        Self {
            child,
            keyboard,
            screen,
            terminal: pty.slave,
            before,
            _folder: folder,
        }
    }

    /// Waits until the terminal shows these words.
    fn see(&mut self, words: &str) {
        self.screen.find(words, DEADLINE);
    }

    fn type_in(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether every key goes to the guest.
    fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    fn is_as_before(&self) -> bool {
        format!("{:?}", tcgetattr(&self.terminal).unwrap()) == format!("{:?}", self.before)
    }

    fn wait(&mut self) -> ExitStatus {
        wait_for(&mut self.child, DEADLINE).unwrap()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
    }
}

#[test]
fn a_guest_that_powers_off_leaves_its_words_and_the_terminal_as_it_was() {
    let mut session = Session::start("ports=0");
    session.see("Ctrl-A X leaves this machine");
    session.see("guest: ends: poweroff");
    let status = session.wait();
    assert_eq!(status.code(), Some(0), "{}", session.screen.seen());
    assert!(session.is_as_before());
}

#[test]
fn ctrl_a_x_presses_the_power_button_and_leaves() {
    let mut session = Session::start("ports=0 end=button");
    session.see("guest: ends: button");
    assert!(session.is_raw());
    // Keys of the shell's are the guest's.
    session.type_in(b"\x03\x1a\x1c\x01e");
    session.type_in(b"\x01x");
    session.see("the power button was pressed");
    assert_eq!(session.wait().code(), Some(0));
    assert!(session.is_as_before());
}

#[test]
fn ctrl_a_x_twice_waits_for_nothing() {
    let mut session = Session::start("ports=0 end=spin");
    session.see("guest: ends: spin");
    session.type_in(b"\x01x\x01x");
    assert_eq!(session.wait().code(), Some(0));
    assert!(session.is_as_before());
}

#[test]
fn the_terminal_is_as_it_was_after_signals_that_nothing_can_catch() {
    for signal in [Signal::KILL, Signal::ABORT, Signal::QUIT] {
        let mut session = Session::start("ports=0 end=spin");
        session.see("guest: ends: spin");
        assert!(session.is_raw());
        session.signal(signal);
        assert!(!session.wait().success());
        eventually("the terminal is as it was", DEADLINE, || {
            session.is_as_before().then_some(())
        });
    }
}

#[test]
fn a_terminal_that_hangs_up_stops_the_machine() {
    let mut session = Session::start("ports=0 end=button");
    session.see("guest: ends: button");
    session.signal(Signal::HUP);
    session.see("the power button was pressed");
    assert_eq!(session.wait().code(), Some(0));
    assert!(session.is_as_before());
}

#[test]
fn hvc0_on_the_terminal_shows_what_the_guest_writes_to_its_port() {
    let words = "ports=2 rounds=0 lines=org.portunus.console.0:100 end=button";
    let keys = "console = \"hvc0\"\nserial = \"file:serial.log\"";
    let mut session = Session::start_with(words, keys);
    for number in 0..100 {
        session.see(&format!("{number:06}"));
    }
    session.type_in(b"\x01x");
    assert_eq!(session.wait().code(), Some(0), "{}", session.screen.seen());
    assert!(session.is_as_before());
}
