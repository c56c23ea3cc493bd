//! Tests of how the guest is understood.

use super::*;

#[test]
fn only_a_whole_heading_is_understood() {
    assert_eq!(said_under("reads", "demo reads a b"), Some("a b"));
    for line in [
        "reads a",
        "demo readsa",
        "demo writes a",
        "x demo reads a",
        "",
    ] {
        assert_eq!(said_under("reads", line), None, "{line}");
    }
}

#[test]
fn the_script_uses_the_ports_and_programs_that_there_are() {
    let script = std::str::from_utf8(SCRIPT).unwrap();
    for (name, _) in PROGRAMS {
        assert!(script.contains(&format!("./{name} ")), "{name}");
    }
    let ports = script.lines().filter_map(|line| line.split_once("_port="));
    let names: Vec<_> = ports.map(|(_, name)| name).collect();
    assert_eq!(names.len(), 2);
    for name in names {
        assert!(super::super::CONFIG.contains(name), "{name}");
    }
}
