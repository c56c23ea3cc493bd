//! What the walk finds, key by key.

use std::fs;

use super::*;

/// The faults of one port with these keys beside its name and plugin.
fn port_faults(keys: &str) -> Vec<(String, String)> {
    file_faults(&format!(
        "[[port]]\nname = \"a\"\nplugin = \"echo\"\n{keys}\n"
    ))
}

fn file_faults(text: &str) -> Vec<(String, String)> {
    let faults = walk(&Source::new("demo.toml", text)).faults;
    faults
        .into_iter()
        .map(|fault| (fault.what, fault.help))
        .collect()
}

fn one(mut faults: Vec<(String, String)>) -> (String, String) {
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn limits_have_bounds_with_reasons() {
    let (what, help) = one(port_faults("limit.memory = \"63KiB\""));
    assert_eq!(what, "`limit.memory` is 63KiB, less than the 64KiB allowed");
    assert_eq!(
        help,
        "write 64KiB to 4GiB: one page of WebAssembly's, and all that it can address"
    );
    let (what, _) = one(port_faults("limit = { cpu = \"0ms\" }"));
    assert_eq!(what, "`limit.cpu` is 0ms, less than the 1ms allowed");
    let (what, _) = one(port_faults("limit = { wall = \"61s\" }"));
    assert_eq!(what, "`limit.wall` is 61s, more than the 1m allowed");
    assert_eq!(
        port_faults("limit = { memory = \"4GiB\", cpu = \"1ms\", wall = \"1m\" }"),
        []
    );
}

#[test]
fn a_call_cannot_compute_longer_than_it_lasts() {
    let (what, _) = one(port_faults("limit = { cpu = \"2s\", wall = \"1s\" }"));
    assert_eq!(what, "`limit.cpu` can never be reached");
    assert_eq!(port_faults("limit = { cpu = \"2s\", wall = \"2s\" }"), []);
}

#[test]
fn what_nobody_wrote_is_nobodys_mistake() {
    // The defaults of `cpu`, and of `component`, are more.
    assert_eq!(port_faults("limit.wall = \"500ms\""), []);
    assert_eq!(port_faults("limit.memory = \"64KiB\""), []);
}

#[test]
fn a_limit_above_one_that_strikes_first_is_told() {
    let (what, help) = one(port_faults("limit.cpu = \"6s\""));
    assert_eq!(what, "`limit.cpu` can never be reached");
    assert_eq!(help, "give `wall` at least as much, or less here");
    let (what, _) = one(port_faults(
        "limit = { memory = \"64KiB\", random = \"65KiB\" }",
    ));
    assert_eq!(what, "`limit.random` can never be reached");
}

#[test]
fn only_a_console_has_a_backlog() {
    let (what, _) = one(port_faults("limit.backlog = \"64KiB\""));
    assert_eq!(what, "`limit.backlog` bounds nothing here");
    assert_eq!(port_faults("console = true\nlimit.backlog = \"64KiB\""), []);
}

#[test]
fn every_limit_is_refused_just_past_its_bounds() {
    use crate::config::{LIMITS, Quantity};
    for entry in &LIMITS {
        let written = |number: u64| match entry.bounds.least {
            Quantity::Size(_) => format!("\"{number}B\""),
            Quantity::Time(_) => format!("\"{number}ms\""),
            Quantity::Count(_) => number.to_string(),
            Quantity::Rate(_) => format!("\"{number}B/s\""),
        };
        let (least, most) = (entry.bounds.least.number(), entry.bounds.most.number());
        let name = entry.name;
        for (number, past) in [(least - 1, "less"), (most + 1, "more"), (0, "less")] {
            let table = format!("console = true\nlimit.{name} = {}", written(number));
            let (what, help) = one(port_faults(&table));
            assert!(what.starts_with(&format!("`limit.{name}` is ")), "{what}");
            assert!(what.contains(&format!(", {past} than the ")), "{what}");
            assert!(help.ends_with(entry.bounds.reason), "{help}");
        }
    }
}

#[test]
fn a_restart_budget_has_bounds_and_can_be_used_up() {
    let (what, help) = one(port_faults("restart.budget = 101"));
    assert_eq!(what, "`restart.budget` is 101, more than the 100 allowed");
    assert!(help.starts_with("write 0 to 100: "), "{help}");
    let (what, _) = one(port_faults("restart.within = \"61m\""));
    assert_eq!(what, "`restart.within` is 61m, more than the 60m allowed");
    let (what, help) = one(port_faults("restart.then = \"reboot\""));
    assert_eq!(what, "`restart.then` is no policy");
    assert_eq!(help, "write `close`, `drain` or `stop-vm`");
    // 100, 200, 400, 800 ms and so on: 20 rests are 143 seconds.
    let (what, _) = one(port_faults("restart = { budget = 20, within = \"2m\" }"));
    assert_eq!(what, "`restart.budget` can never be used up");
    assert_eq!(
        port_faults("restart = { budget = 20, within = \"3m\" }"),
        []
    );
    assert_eq!(
        port_faults("restart = { budget = 0, within = \"1s\", then = \"drain\" }"),
        []
    );
}

#[test]
fn the_size_of_the_device_has_bounds() {
    for size in ["0", "-1", "32767", "99999999999999999999"] {
        let (what, help) = one(file_faults(&format!("device.max-ports = {size}\n{PORT}")));
        assert_eq!(what, format!("`device.max-ports` is {size}"));
        assert_eq!(
            help,
            "write 1 to 32766: virtio numbers its queues in 16 bits"
        );
    }
}

const PORT: &str = "[[port]]\nname = \"a\"\nplugin = \"echo\"\n";

fn ports(count: usize, console: Option<usize>) -> String {
    let port = |id| {
        let console = console == Some(id);
        format!("[[port]]\nname = \"port.{id}\"\nplugin = \"echo\"\nconsole = {console}\n")
    };
    (0..count).map(port).collect()
}

#[test]
fn a_console_and_thirty_others_fit_the_usual_device() {
    assert_eq!(file_faults(&ports(31, Some(17))), []);
    assert_eq!(file_faults(&ports(30, None)), []);
}

#[test]
fn the_first_port_without_room_is_named_with_what_to_set() {
    let (what, help) = one(file_faults(&ports(31, None)));
    assert_eq!(what, "the device has no room for port `port.30`");
    assert_eq!(
        help,
        "set `max-ports = 32` in `[device]`, or use fewer ports"
    );
    let (what, help) = one(file_faults(&format!(
        "device.max-ports = 3\n{}",
        ports(10, Some(9))
    )));
    assert_eq!(what, "the device has no room for port `port.2`");
    assert_eq!(
        help,
        "set `max-ports = 10` in `[device]`, or use fewer ports"
    );
}

#[test]
fn ids_are_given_in_the_order_of_the_file() {
    let walked = walk(&Source::new("demo.toml", ports(3, Some(1))));
    let spec = walked.spec.unwrap();
    let ids: Vec<_> = spec
        .ports
        .iter()
        .map(|port| (port.id.get(), port.name.as_str()))
        .collect();
    assert_eq!(ids, [(1, "port.0"), (0, "port.1"), (2, "port.2")]);
}

#[test]
fn granted_directories_must_be_there() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let text = format!(
        "{PORT}grant.dirs = [\n{{ host = \"file\", guest = \"/a\" }},\n{{ host = \"none\", guest = \"/b\" }},\n]\n"
    );
    let faults = walk(&Source::new(directory.path().join("demo.toml"), text)).faults;
    let path = |name: &str| directory.path().join(name).display().to_string();
    assert_eq!(
        faults[0].what,
        format!("`{}` is no directory", path("file"))
    );
    assert_eq!(
        faults[1].what,
        format!("the directory `{}` does not exist", path("none"))
    );
    assert_eq!(
        faults[1].help,
        format!("create it: mkdir -p '{}'", path("none"))
    );
}

#[test]
fn a_plugin_sees_each_directory_under_its_own_path() {
    let (what, _) = one(port_faults(
        "grant.dirs = [{ host = \"/\", guest = \"/a\" }, { host = \"/\", guest = \"/a\" }]",
    ));
    assert_eq!(what, "two directories have the name `/a`");
}

#[test]
fn a_port_has_a_bounded_number_of_directories() {
    let dirs: Vec<_> = (0..18)
        .map(|id| format!("{{ host = \"/\", guest = \"/{id}\" }}"))
        .collect();
    let (what, _) = one(port_faults(&format!("grant.dirs = [{}]", dirs.join(", "))));
    assert_eq!(what, "`grant.dirs` has more than 16 directories");
}

#[test]
fn a_grant_must_say_what_and_where() {
    let told = port_faults("grant.dirs = [{}]");
    let what: Vec<_> = told.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(what, ["`host` is missing", "`guest` is missing"]);
    let (what, help) = one(port_faults(
        "grant.dirs = [{ host = \"/\", guest = \"/a\", access = \"rw\" }]",
    ));
    assert_eq!(
        (what.as_str(), help.as_str()),
        ("`access` is no kind of access", "write `read` or `write`")
    );
}

#[test]
fn names_of_ports_are_the_devices_to_judge() {
    for name in ["", "a/b", &"x".repeat(128), "..", "a\\u0007"] {
        let text = format!("[[port]]\nname = \"{name}\"\nplugin = \"echo\"\n");
        assert_eq!(file_faults(&text).len(), 1, "{name}");
    }
}

#[test]
fn the_machine_is_named_after_the_file() {
    let name = |path: &str| {
        walk(&Source::new(path, PORT))
            .spec
            .unwrap()
            .vm
            .name
            .to_string()
    };
    assert_eq!(name("/etc/portunus/web-1.toml"), "web-1");
    assert_eq!(name("web-1"), "web-1");
    let long = walk(&Source::new(format!("{}.toml", "x".repeat(65)), PORT)).faults;
    assert_eq!(
        long[0].what,
        "the machine's name, taken from the file's, has 65 bytes"
    );
    assert!(long[0].labels.is_empty());
}

#[test]
fn a_broken_name_of_the_machine_is_told_once() {
    let (what, _) = one(file_faults(&format!("vm.name = \"a/b\"\n{PORT}")));
    assert_eq!(what, "`vm.name` has a slash");
}

#[test]
fn numbers_that_no_plugin_can_be_given_are_refused() {
    let (what, _) = one(port_faults("config = { a = [{ b = nan }] }"));
    assert_eq!(what, "a plugin cannot be given this number");
}
