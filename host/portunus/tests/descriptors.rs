//! The program has the file descriptors that its device takes, or says so before
//! anything starts.

#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// `portunus serve` in a shell that first does this to its limits.
fn serve_after(folder: &Path, limit: &str) -> Command {
    let config = "device.max-ports = 100\n[[port]]\nname = \"a\"\nplugin = \"echo\"\n";
    fs::write(folder.join("vm.toml"), config).unwrap();
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            &format!("{limit} && exec \"$0\" serve vm.toml --socket vm.sock"),
            env!("CARGO_BIN_EXE_portunus"),
        ])
        .current_dir(folder)
        .env("PORTUNUS_CACHE_DIR", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("PORTUNUS_LOG")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[test]
fn a_hard_limit_that_is_too_low_is_refused_with_what_is_needed() {
    let folder = TempDir::new().unwrap();
    let output = serve_after(folder.path(), "ulimit -n 256")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    // 202 queues with three each, and what does not grow.
    let expected = [
        "needs 1275 open files",
        "may have 256",
        "`ulimit -n 1275`",
        "LimitNOFILE=1275",
    ];
    for words in expected {
        assert!(said.contains(words), "{words} is missing in\n{said}");
    }
    assert!(!folder.path().join("vm.sock").exists());
}

#[test]
fn a_soft_limit_that_is_too_low_is_raised() {
    let folder = TempDir::new().unwrap();
    let mut serve = serve_after(folder.path(), "ulimit -Sn 256")
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serve.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended");
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", serve.id())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = files.unwrap().split_whitespace().nth(3);
    assert_eq!(soft, Some("1275"), "{limits}");
    kill_process(Pid::from_child(&serve), Signal::TERM).unwrap();
    assert!(serve.wait().unwrap().success());
}
