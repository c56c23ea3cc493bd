//! The program compiles plugins in a child of its own, within bounds, and keeps
//! what it compiled.

#![cfg(test)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

/// The longest that anything takes on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);

const ECHO: &str = "[[port]]\nname = \"a\"\nplugin = \"echo\"\n";
const LARGE: &str = "[[port]]\nname = \"a\"\nplugin = \"./large.wasm\"\n";

/// What no compiler does in this time.
const NOT_COMPILED: [&str; 2] = ["--compile-time", "1ms"];

/// A folder with a configuration, and one in it for the cache.
struct Rig(TempDir);

impl Rig {
    fn new(config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("vm.toml"), config).unwrap();
        Self(folder)
    }

    /// One with a plugin that takes seconds and much memory to compile: all of
    /// it is one function.
    fn with_large_plugin() -> Self {
        let rig = Self::new(LARGE);
        let body = "local.get 0 i32.load local.get 0 i32.add local.set 0 ".repeat(100_000);
        let text = format!("(component (core module (memory 1) (func (param i32) {body})))");
        let large = wat::parse_str(text).unwrap();
        fs::write(rig.0.path().join("large.wasm"), large).unwrap();
        rig
    }

    fn check(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portunus"));
        command
            .args(["check", "vm.toml"])
            .args(arguments)
            .current_dir(self.0.path())
            .env("PORTUNUS_CACHE_DIR", self.0.path().join("cache"))
            .env_remove("PORTUNUS_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.check(arguments).output().unwrap()
    }

    /// Whether what is kept is whole: nothing could be compiled.
    fn has_code(&self) -> bool {
        self.output(&NOT_COMPILED).status.success()
    }

    fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.code()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn code(&self) -> PathBuf {
        self.0.path().join("cache/code")
    }
}

fn said(output: &Output) -> String {
    // As one line each: drawn faults are broken at a page's width.
    String::from_utf8_lossy(&output.stderr).replace("\n  | ", " ")
}

fn refused(output: &Output, words: &str) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(words), "{words} is missing in\n{said}");
}

#[test]
fn a_plugin_is_compiled_once() {
    let rig = Rig::new(ECHO);
    let words = "takes longer than 0.001 s to compile";
    refused(&rig.output(&NOT_COMPILED), words);
    assert_eq!(rig.output(&[]).status.code(), Some(0));
    assert!(rig.has_code());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rig.code()), 0o700);
    assert_eq!(mode(&rig.kept()[0]), 0o600);
}

#[test]
fn without_a_cache_nothing_is_kept_or_used() {
    let rig = Rig::new(ECHO);
    assert_eq!(rig.output(&["--no-cache"]).status.code(), Some(0));
    assert!(!rig.code().exists());
    assert_eq!(rig.output(&[]).status.code(), Some(0));
    let output = rig.output(&["--no-cache", "--compile-time", "1ms"]);
    refused(&output, "allow more by --compile-time");
}

#[test]
fn many_processes_fill_a_cache_at_once() {
    let rig = Rig::new(ECHO);
    let children: Vec<_> = (0..8).map(|_| rig.check(&[]).spawn().unwrap()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(!said(&output).contains("WARN"), "{}", said(&output));
    }
    assert_eq!(rig.kept().len(), 1);
    assert!(rig.has_code());
}

#[test]
fn damaged_code_is_compiled_again_and_replaced() {
    let rig = Rig::new(ECHO);
    rig.output(&[]);
    let path = rig.kept().remove(0);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&[], &whole[..whole.len() / 2], &flipped] {
        fs::write(&path, damaged).unwrap();
        assert!(!rig.has_code());
        let output = rig.output(&[]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains("kept code is damaged"));
        assert!(rig.has_code());
    }
}

#[test]
fn a_cache_where_others_can_write_is_not_used_and_that_is_said() {
    let rig = Rig::new(ECHO);
    rig.output(&[]);
    fs::set_permissions(rig.code(), Permissions::from_mode(0o770)).unwrap();
    assert!(!rig.has_code());
    let output = rig.output(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("its mode 0770 lets others write"));
}

#[test]
fn a_machine_without_a_place_for_a_cache_compiles() {
    let rig = Rig::new(ECHO);
    fs::write(rig.0.path().join("cache"), "in its way").unwrap();
    let output = rig.output(&["-v"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("DEBUG") && said(&output).contains("no compiled code is kept"));
    let mut homeless = rig.check(&["-v"]);
    for name in ["PORTUNUS_CACHE_DIR", "XDG_CACHE_HOME", "HOME"] {
        homeless.env_remove(name);
    }
    let output = homeless.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("no home"));
}

#[test]
fn a_plugin_that_takes_too_much_memory_to_compile_is_a_fault_of_the_configuration() {
    let rig = Rig::with_large_plugin();
    let output = rig.output(&["--compile-memory", "112MiB"]);
    refused(&output, "needs more than 112 MiB to be compiled");
    refused(&output, "allow more by --compile-memory");
    refused(&output, "[vm.toml:3:10]");
}

/// Starts a check that goes on for seconds, waits until it says so, and finds
/// the child that compiles.
fn compiling(rig: &Rig) -> (Child, BufReader<ChildStderr>, Pid) {
    let mut check = rig.check(&[]).spawn().unwrap();
    let mut lines = BufReader::new(check.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("compiling takes a while") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended");
    }
    assert!(
        line.contains("large.wasm") && line.contains("bytes="),
        "{line}"
    );
    let id = check.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let compiler = Pid::from_raw(children.trim().parse().unwrap()).unwrap();
    (check, lines, compiler)
}

#[test]
fn a_compiler_that_is_killed_is_told() {
    let rig = Rig::with_large_plugin();
    let (check, mut lines, compiler) = compiling(&rig);
    kill_process(compiler, Signal::KILL).unwrap();
    let mut stderr = Vec::new();
    lines.read_to_end(&mut stderr).unwrap();
    let mut output = check.wait_with_output().unwrap();
    output.stderr = stderr;
    refused(&output, "signal: 9 (SIGKILL)");
}

#[test]
fn a_signal_that_ends_the_program_ends_its_compiler_too() {
    let rig = Rig::with_large_plugin();
    let (mut check, _lines, compiler) = compiling(&rig);
    let compiler = pidfd_open(compiler, PidfdFlags::empty()).unwrap();
    kill_process(Pid::from_child(&check), Signal::TERM).unwrap();
    check.wait().unwrap();
    let deadline = Timespec::try_from(DEADLINE).unwrap();
    let mut polled = [PollFd::new(&compiler, PollFlags::IN)];
    assert_eq!(poll(&mut polled, Some(&deadline)), Ok(1));
}

#[test]
fn a_compiler_that_nobody_waits_for_does_nothing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portunus"));
    let output = command
        .args(["compile", "1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("the process that asked is gone"));
    let mut help = Command::new(env!("CARGO_BIN_EXE_portunus"));
    let help = help.arg("--help").output().unwrap().stdout;
    assert!(!String::from_utf8_lossy(&help).contains("compile"));
}
