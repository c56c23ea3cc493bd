//! What the documents promise: every command in them works, and every link
//! leads somewhere.
//!
//! A command is a line that begins with `$ ` in a `console` block. All of one
//! document are run in order, from the project's folder, with the program on
//! the PATH. One that serves goes on until the document's end.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portunus_tests::eventually;
use portunus_tests::guest::project;
use portunus_tests::program::{binary, wait_for};
use rustix::process::{Pid, Signal, kill_process};

/// A cold build of a plugin on a loaded machine, and some.
const COMMAND_DEADLINE: Duration = Duration::from_secs(600);

/// What runs these tests cannot be run by them.
const NOT_HERE: [&str; 1] = ["make test"];

/// The commands of a document, in its order.
fn commands(document: &str) -> Vec<String> {
    let text = fs::read_to_string(project().join(document)).unwrap();
    let mut commands = Vec::new();
    let mut fence = None;
    for line in text.lines() {
        match (fence, line.trim_start().strip_prefix("```")) {
            (None, Some(kind)) => fence = Some(kind),
            (Some(_), Some(_)) => fence = None,
            (Some("console"), None) => {
                commands.extend(line.strip_prefix("$ ").map(str::to_owned));
            }
            _ => {}
        }
    }
    commands
}

fn start(command: &str) -> Child {
    let program = binary();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    Command::new("bash")
        .args(["-euc", &format!("exec {command}")])
        .current_dir(project())
        .env("PATH", path)
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// A command that serves until it is told to stop.
struct Served(Child);

impl Served {
    /// Waits until the socket that the command names is there.
    fn start(command: &str) -> Self {
        let socket = command.split("--socket ").nth(1).unwrap();
        let socket = project().join(socket.split(' ').next().unwrap());
        let mut served = Self(start(command));
        eventually(command, COMMAND_DEADLINE, || {
            assert_eq!(served.0.try_wait().unwrap(), None, "it ended: {command}");
            socket.exists().then_some(())
        });
        served
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let status = wait_for(&mut self.0, COMMAND_DEADLINE).unwrap();
        assert!(status.success(), "{status}");
    }
}

/// Runs all commands of a document and tells how many.
fn run(document: &str) -> usize {
    let mut served = Vec::new();
    let commands = commands(document);
    for command in &commands {
        eprintln!("{document}: {command}");
        if NOT_HERE.contains(&command.as_str()) {
            let ci = fs::read_to_string(project().join(".ci/run")).unwrap();
            assert!(ci.lines().any(|line| line == command), "{command}");
        } else if command.contains(" serve ") {
            served.push(Served::start(command));
        } else {
            let status = wait_for(&mut start(command), COMMAND_DEADLINE).unwrap();
            assert!(status.success(), "{document}: {command}: {status}");
        }
    }
    served.into_iter().for_each(Served::stop);
    commands.len()
}

/// Every document of the project.
fn documents() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "*.md"])
        .current_dir(project())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let names = String::from_utf8(listed.stdout).unwrap();
    let names = names.split_terminator('\0');
    names.map(PathBuf::from).collect()
}

/// Where a document's links lead, as they stand in it.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

#[test]
fn every_command_in_the_documents_works() {
    assert!(run("README.md") >= 4);
    assert!(run("docs/PLUGINS.md") >= 4);
    for document in documents() {
        let name = document.to_str().unwrap();
        if !matches!(name, "README.md" | "docs/PLUGINS.md") {
            run(name);
        }
    }
}

#[test]
fn every_link_in_the_documents_leads_to_a_file() {
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(project().join(&document)).unwrap();
        for link in links(&text) {
            let file = link.split('#').next().unwrap();
            if link.contains("://") || file.is_empty() {
                continue;
            }
            let folder = document.parent().unwrap_or(Path::new(""));
            let leads_to = project().join(folder).join(file);
            assert!(leads_to.exists(), "{}: {link}", document.display());
            count += 1;
        }
    }
    assert!(count > 10, "{count} links");
}
