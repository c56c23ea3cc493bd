//! The program as its users call it: what it prints, where, and how it ends.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

const ECHO: &str = "[[port]]\nname = \"a\"\nplugin = \"echo\"\n";

fn portunus(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portunus"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("PORTUNUS_CACHE_DIR", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("PORTUNUS_LOG");
    command.stdin(Stdio::null()).output().unwrap()
}

/// A folder with this configuration as `vm.toml`.
fn folder(config: impl AsRef<[u8]>) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("vm.toml"), config).unwrap();
    folder
}

/// What `portunus check vm.toml` says in such a folder, which is that something
/// is wrong.
fn refused(folder: &TempDir) -> String {
    let output = portunus(folder.path(), &["check", "vm.toml"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_fine_configuration_ends_with_0() {
    // A slow machine says that it compiles, unless it is told to be quiet.
    let output = portunus(folder(ECHO).path(), &["check", "vm.toml", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "vm.toml is fine: 1 port\n"
    );
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_grant_that_could_write_compiled_code_is_refused() {
    let folder = folder(
        "[[port]]\nname = \"a\"\nplugin = \"log\"\nconfig = { path = \"/d/log\" }\n\
         grant.dirs = [{ host = \".\", guest = \"/d\", access = \"write\" }]\n",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_portunus"));
    let command = command.args(["check", "vm.toml"]).current_dir(&folder);
    let output = command
        .env("PORTUNUS_CACHE_DIR", folder.path().join("cache"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("could write the code that this program runs"),
        "{told}"
    );
    assert!(told.contains("PORTUNUS_CACHE_DIR"), "{told}");
}

#[test]
fn two_syntax_errors_are_drawn_in_one_answer() {
    let told = refused(&folder(
        "[[port]]\nname = org.example.0\nplugin = \"echo\nconsole = true\n",
    ));
    let expected = r#"  x not TOML: string values must be quoted
   ,-[vm.toml:2:8]
 1 | [[port]]
 2 | name = org.example.0
   :        ^^^^^^|^^^^^^
   :              `-- here
 3 | plugin = "echo
   `----
  help: write `"org.example.0"`

  x not TOML: invalid basic string
   ,-[vm.toml:3:14]
 2 | name = org.example.0
 3 | plugin = "echo
   :              |
   :              `-- here
 4 | console = true
   `----
  help: expected here: `"`

2 faults in vm.toml
"#;
    assert_eq!(told, expected);
}

#[test]
fn unknown_keys_a_wrong_type_a_missing_file_and_a_name_used_twice_are_told_in_one_answer() {
    let told = refused(&folder(
        r#"
[device]
maxports = 31

[[port]]
name = "twice"
plugin = "none.wasm"
colour = "red"

[[port]]
name = "twice"
plugin = "echo"
console = 1
"#,
    ));
    let expected = [
        "`device.maxports` is not a key that this version knows",
        "help: did you mean `max-ports`?",
        "plugin `none.wasm` does not exist",
        "`colour` is not a key that this version knows",
        "two ports have the name `twice`",
        "first used here",
        "used again here",
        "`console` is an integer, but must be a boolean",
        "5 faults in vm.toml",
    ];
    for words in expected {
        assert!(told.contains(words), "{words} is missing in\n{told}");
    }
}

#[test]
fn what_cannot_answer_a_port_is_told_where_it_is_named() {
    let component = |text: &str| wat::parse_str(text).unwrap();
    let plugins = [
        (
            "text.wasm",
            b"no component".to_vec(),
            "plugin `text.wasm` is not WebAssembly",
        ),
        (
            "core.wasm",
            component("(module)"),
            "is a core WebAssembly module",
        ),
        (
            "other.wasm",
            component("(component)"),
            "does not export portunus:port/handler@",
        ),
        (
            "torn.wasm",
            component("(component)")[..7].to_vec(),
            "is not ",
        ),
        (
            "imports.wasm",
            component("(component (import \"a:b/c\" (instance)) (import \"d:e/f\" (instance)))"),
            "imports `d:e/f`, which nothing here provides",
        ),
    ];
    for (name, bytes, words) in plugins {
        let folder = folder(format!("[[port]]\nname = \"a\"\nplugin = \"{name}\"\n"));
        fs::write(folder.path().join(name), bytes).unwrap();
        let told = refused(&folder);
        assert!(
            told.replace("\n  | ", " ").contains(words),
            "{words} is missing in\n{told}"
        );
        assert!(told.contains("[vm.toml:3:10]"), "{told}");
    }
}

#[test]
fn a_limit_below_what_a_plugin_begins_with_is_told_where_it_stands() {
    let told = refused(&folder(format!("{ECHO}limit.memory = \"64KiB\"\n")));
    let told = told.replace("\n  | ", " ");
    assert!(told.contains("plugin `echo` begins with "), "{told}");
    assert!(told.contains("and `limit.memory` is 64KiB"), "{told}");
    assert!(told.contains("[vm.toml:4:16]"), "{told}");
}

#[test]
fn files_that_are_no_configuration_are_each_told_so() {
    let missing = portunus(Path::new("/"), &["check", "/none/vm.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("`/none/vm.toml` cannot be read"));
    let directory = portunus(Path::new("/"), &["check", "/"]);
    assert!(String::from_utf8_lossy(&directory.stderr).contains("`/` is a directory"));
    assert!(refused(&folder(b"\xff\xfe[\0p\0")).contains("byte 0xff is not UTF-8"));
    assert!(refused(&folder(vec![b'#'; (1 << 20) + 1])).contains("has more than 1048576 bytes"));
    assert!(refused(&folder("")).contains("`port` is missing"));
    let prose = refused(&folder(
        "Dear reader,\nthis is no configuration.\n".repeat(500),
    ));
    assert!(
        prose.contains("not TOML") && prose.len() < 20_000,
        "{}",
        prose.len()
    );
}

#[test]
fn control_characters_of_the_file_never_reach_the_terminal() {
    let told = refused(&folder(
        "[[port]]\nname = \"\u{1b}]0;x\u{7}\"\n\u{9b}31m = 1\r\n",
    ));
    assert!(
        told.chars().all(|c| c == '\n' || !c.is_control()),
        "{told:?}"
    );
}

#[test]
fn tools_get_the_same_answer_as_json() {
    let json = ["check", "vm.toml", "--format", "json"];
    let output = portunus(folder("[[port]]\nname = \"a\"\n").path(), &json);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stderr, b"");
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["faults"][0]["what"], "`plugin` is missing");
    assert_eq!(report["faults"][0]["places"][0]["line"], 1);

    let output = portunus(folder(ECHO).path(), &json);
    assert_eq!(output.status.code(), Some(0));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["ok"], &report["ports"][0]["id"]),
        (&true.into(), &1.into())
    );
}

#[test]
fn the_schema_is_printed() {
    let output = portunus(Path::new("/"), &["schema"]);
    assert_eq!(output.status.code(), Some(0));
    let schema: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portunus"));
    // A pipe whose reader is gone before anything is written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command
        .arg("schema")
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let wrong: [&[&str]; 6] = [
        &[],
        &["chek"],
        &["check"],
        &["check", "-q", "-v", "vm.toml"],
        &["schema", "--log", "portunus=loud"],
        &["serve", "vm.toml", "--socket", "vm.sock", "--grace", "soon"],
    ];
    for arguments in wrong {
        let output = portunus(Path::new("/"), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn each_command_explains_itself_with_an_example() {
    for command in ["check", "demo", "serve", "schema"] {
        let output = portunus(Path::new("/"), &[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(
            help.contains(&format!("Example: portunus {command} ")),
            "{help}"
        );
    }
    let help = portunus(Path::new("/"), &["--help"]);
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("Exit status: 0")
    );
}

#[test]
fn what_cannot_be_served_says_whose_fault_it_is() {
    let faulty = portunus(
        folder("port = 1").path(),
        &["serve", "vm.toml", "--socket", "vm.sock"],
    );
    assert_eq!(faulty.status.code(), Some(2), "{faulty:?}");
    let dir = folder(ECHO);
    let serve = |socket: &str| {
        let served = portunus(dir.path(), &["serve", "vm.toml", "--socket", socket]);
        let told = String::from_utf8(served.stderr).unwrap();
        assert!(told.contains(socket), "{told}");
        (served.status.code(), told)
    };
    // What the command line asks for can never be.
    let (status, told) = serve("none/vm.sock");
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("create it: mkdir -p 'none'"), "{told}");
    let (status, told) = serve("vm.toml");
    assert_eq!(status, Some(2), "{told}");
    let (status, told) = serve(&"s".repeat(108));
    assert_eq!(status, Some(2), "{told}");
    // What another program has can be had once that is gone.
    let _other = std::os::unix::net::UnixListener::bind(dir.path().join("vm.sock")).unwrap();
    let (status, told) = serve("vm.sock");
    assert_eq!(status, Some(1), "{told}");
}
