//! Clients that are none of ours: Python's sockets.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::guest::DEADLINE;

/// What every script begins with: `dial` connects to a socket of the folder.
const PREAMBLE: &str = "
import os, socket, sys, threading
def dial(name):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(DEADLINE)
    client.connect(name)
    return client
def read_all(client):
    pieces = []
    while piece := client.recv(65536):
        pieces.append(piece)
    return b''.join(pieces)
def read_exactly(client, count):
    read = b''
    while len(read) < count:
        piece = client.recv(count - len(read))
        assert piece, 'it ended early'
        read += piece
    return read
";

fn command(folder: &Path, script: &str) -> Command {
    let deadline = DEADLINE.as_secs();
    let mut command = Command::new("python3");
    command
        .args([
            "-c",
            &format!("DEADLINE = {deadline}\n{PREAMBLE}\n{script}"),
        ])
        .current_dir(folder);
    command
}

/// Runs a script in a folder to its end, which must be a good one, and answers
/// what it printed.
///
/// # Panics
///
/// Where it fails, or there is no `python3`.
pub fn python(folder: &Path, script: &str) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command(folder, script).output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{status}: {said}");
    String::from_utf8(stdout).unwrap()
}

/// Starts a script whose standard input and output are the test's.
///
/// # Panics
///
/// Where there is no `python3`.
pub fn start_python(folder: &Path, script: &str) -> Child {
    command(folder, script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
