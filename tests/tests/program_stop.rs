//! `portunus serve` ends when it is told to, whatever its plugins wait for.

#![cfg(test)]

use std::fs;
use std::process::{Command, Stdio};

use portunus_tests::guest::DEADLINE;
use portunus_tests::program::{Program, binary, wait_for};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

#[allow(
    dead_code,
    reason = "the runtime's own tests use what these here do not"
)]
#[path = "../../host/plugin/tests/plugin/text.rs"]
mod text;

#[test]
fn a_plugin_that_waits_for_a_file_for_ever_is_refused_and_not_waited_for() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    // Opening it waits for a reader who never comes.
    let pipe = folder.path().join("logs/guest.log");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let config = r#"
[[port]]
name = "a"
plugin = "log"
config = { path = "/logs/guest.log" }
grant.dirs = [{ host = "logs", guest = "/logs", access = "write" }]
limit = { cpu = "100ms", wall = "200ms" }
"#;
    fs::write(folder.path().join("vm.toml"), config).unwrap();
    let mut child = Command::new(binary())
        .args(["serve", "vm.toml", "--socket", "vm.sock"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = wait_for(&mut child, DEADLINE).unwrap();
    let told = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(status.code(), Some(2), "{told}");
    assert!(told.contains("`wall`, of 200ms"), "{told}");
}

#[test]
fn a_plugin_whose_on_stop_never_ends_has_the_grace_and_no_more() {
    let endless = text::Plugin {
        on_stop: "(loop $on (br $on))",
        ..text::Plugin::default()
    };
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("endless.wasm"), endless.encode()).unwrap();
    // The plugin's own limits would let it go on for a minute.
    let config = "[[port]]\nname = \"a\"\nplugin = \"./endless.wasm\"\n\
                  limit = { cpu = \"1m\", wall = \"1m\" }\n";
    fs::write(folder.path().join("vm.toml"), config).unwrap();
    let ended = Program::serve_in(folder, &["--grace", "100ms"]).stop();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(ended.log.contains("outlasted the grace"), "{}", ended.log);
    assert!(!ended.folder.path().join("vm.sock").exists());
}
