//! Whole files: what is read, and what is reported in one answer.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::session::PastBudget;

fn load_text(text: &str) -> Result<Loaded, Diagnostics> {
    read(Source::new("demo.toml", text), &mut LoadNothing)
}

/// The sentences of the answer.
fn faults(text: &str) -> Vec<String> {
    let faults = load_text(text)
        .map(|loaded| panic!("{loaded:?}"))
        .unwrap_err();
    faults
        .faults()
        .iter()
        .map(|fault| fault.what.clone())
        .collect()
}

#[test]
fn the_shortest_file_has_a_name_and_a_plugin() {
    let loaded = load_text("[[port]]\nname = \"a\"\nplugin = \"echo\"\n").unwrap();
    let Spec {
        device,
        vm,
        metrics,
        ports,
    } = loaded.spec;
    assert_eq!((device.max_ports().get(), vm.name.as_str()), (31, "demo"));
    assert_eq!(metrics, MetricsSpec::default());
    let [port] = ports.as_slice() else {
        panic!("{ports:?}")
    };
    assert_eq!(
        (port.id.get(), port.name.as_str(), port.console),
        (1, "a", false)
    );
    assert_eq!(port.plugin.value, PluginSource::Bundled(Bundled::Echo));
    assert_eq!(port.config, PluginConfig::default());
    assert_eq!(port.limit, LimitSpec::default());
}

#[test]
fn every_key_is_read() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("logs")).unwrap();
    fs::write(directory.path().join("mine.wasm"), "component").unwrap();
    let text = format!(
        r#"
        device.max-ports = 0x10
        vm.name = "web-1"
        metrics.socket = "logs/metrics.sock"

        [[port]]
        name = "org.example.0"
        console = true
        plugin = "mine.wasm"
        sha256 = "{}"
        config = {{ path = "/logs/x", rotate = 3, at = 1979-05-27 }}
        grant.dirs = [{{ host = "logs", guest = "/logs", access = "write" }}]
        limit = {{ memory = "8MiB", cpu = "50ms", wall = "1m" }}
        restart = {{ budget = 3, within = "1m", then = "stop-vm" }}
        "#,
        Digest::of(b"component")
    );
    let path = directory.path().join("demo.toml");
    let loaded = read(Source::new(&path, text), &mut LoadNothing).unwrap();
    let Spec {
        device,
        vm,
        metrics,
        ports,
    } = loaded.spec;
    assert_eq!((device.max_ports().get(), vm.name.as_str()), (16, "web-1"));
    assert_eq!(
        metrics.socket.unwrap().value,
        directory.path().join("logs/metrics.sock")
    );
    let port = &ports[0];
    assert_eq!((port.id.get(), port.console), (0, true));
    assert_eq!(
        port.plugin.value,
        PluginSource::File(directory.path().join("mine.wasm"))
    );
    assert_eq!(port.sha256, Some(Digest::of(b"component")));
    let json = r#"{"at":"1979-05-27","path":"/logs/x","rotate":3}"#;
    assert_eq!(serde_json::to_string(&port.config.json).unwrap(), json);
    let dir = &port.grant.dirs[0];
    assert_eq!(dir.host.value, directory.path().join("logs"));
    assert_eq!((dir.guest.as_str(), dir.access), ("/logs", Access::Write));
    let limits = [Limit::Memory, Limit::Cpu, Limit::Wall].map(|limit| port.limit.number(limit));
    assert_eq!(limits, [Some(8 << 20), Some(50), Some(60_000)]);
    let restart = RestartSpec {
        budget: Count(3),
        within: TimeSpan::from_ms(60_000),
        then: PastBudget::StopVm,
    };
    assert_eq!(port.restart, restart);
}

#[test]
fn two_syntax_errors_are_told_in_one_answer() {
    let told = faults("[[port]]\nname = org.example.0\nplugin = \"echo\n");
    assert_eq!(
        told,
        [
            "not TOML: string values must be quoted",
            "not TOML: invalid basic string"
        ]
    );
}

#[test]
fn faults_of_five_kinds_are_told_in_one_answer() {
    let told = faults(
        r#"
        [device]
        max-port = 31

        [[port]]
        name = "twice"
        plugin = "missing.wasm"
        listens = "run/agent.sock"

        [[port]]
        name = "twice"
        plugin = "echo"
        console = "yes"
        "#,
    );
    let expected = [
        "`device.max-port` is not a key that this version knows",
        "plugin `missing.wasm` does not exist",
        "`listens` is not a key that this version knows",
        "two ports have the name `twice`",
        "`console` is a string, but must be a boolean",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_syntax_error_does_not_hide_what_is_wrong_elsewhere() {
    let told = faults(
        r#"
        [[port]]
        name = "a"
        plugin = echo

        [[port]]
        nam = "b"
        plugin = "echo"
        "#,
    );
    let expected = [
        "not TOML: string values must be quoted",
        "`nam` is not a key that this version knows",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_name_used_twice_underlines_both_places() {
    let port = "[[port]]\nname = \"a\"\nplugin = \"echo\"\n";
    let faults = load_text(&port.repeat(2)).unwrap_err();
    let labels = &faults.faults()[0].labels;
    let starts: Vec<_> = labels.iter().map(|label| label.span.start).collect();
    assert_eq!(starts, [port.len() + 16, 16]);
    assert_eq!(
        (labels[0].text.as_str(), labels[1].text.as_str()),
        ("used again here", "first used here")
    );
}

#[test]
fn keys_of_later_versions_are_not_known_to_this_one() {
    let text = r#"
        [[port]]
        name = "a"
        plugin = "echo"
        socket = "run/b.sock"
        grant.sockets = ["db"]
        limit = { fuel = 8 }
    "#;
    let told = faults(text);
    assert_eq!(told.len(), 3);
    assert!(
        told.iter()
            .all(|told| told.ends_with("is not a key that this version knows")),
        "{told:?}"
    );
    assert!(told.contains(&"`grant.sockets` is not a key that this version knows".to_owned()));
}

#[test]
fn a_file_without_ports_is_refused() {
    assert_eq!(faults(""), ["`port` is missing"]);
    assert_eq!(faults("port = []"), ["`port` is missing"]);
    assert_eq!(
        faults("[port]\nname = \"a\""),
        ["`port` is a table, but must be an array of tables"]
    );
    assert_eq!(
        faults("[[ports]]\nname = \"a\""),
        ["`ports` is not a key that this version knows"]
    );
}

#[test]
fn faults_found_later_are_told_like_the_others() {
    let loaded = load_text("[[port]]\nname = \"a\"\nplugin = \"echo\"\n").unwrap();
    let plugin = loaded.spec.ports[0].plugin.span;
    let later = loaded.refuse(vec![Diagnostic::new("no").at(plugin, "here").help("yes")]);
    assert!(later.to_string().contains("demo.toml:3:10"), "{later}");
}

proptest! {
    #[test]
    fn no_bytes_make_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("demo.toml");
        fs::write(&path, bytes).unwrap();
        if let Err(faults) = load(&path, &mut LoadNothing) {
            prop_assert!(!faults.faults().is_empty());
            prop_assert!(!faults.to_string().is_empty());
        }
    }

    /// Pieces that parsers are sensitive to, in any order.
    #[test]
    fn no_pieces_of_toml_make_a_panic(pieces in proptest::collection::vec(piece(), 0..60)) {
        if let Err(faults) = load_text(&pieces.concat()) {
            let drawn = faults.to_string();
            let is_clean = |c: char| c == '\n' || !c.is_control();
            prop_assert!(drawn.chars().all(is_clean), "{drawn:?}");
            prop_assert!(faults.report().faults.len() <= MAX_REPORTED);
        }
    }
}

fn piece() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "[[port]]\n",
        "[port]\n",
        "[device]\n",
        "[[",
        "[",
        "]",
        "{",
        "}",
        ",",
        "=",
        ".",
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "\n",
        "\r\n",
        "\r",
        "#",
        " ",
        "\t",
        "name",
        "plugin",
        "console",
        "config",
        "grant.dirs",
        "limit",
        "name = \"a\"\n",
        "plugin = \"echo\"\n",
        "console = true\n",
        "max-ports = 3\n",
        "memory = \"1GiB\"\n",
        "host = \"/\"",
        "guest = \"/\"",
        "dirs = [{",
        "}]\n",
        "\u{1b}",
        "\u{202e}",
        "é",
        "日",
        "\\",
        "\\u0000",
        "1979-05-27",
        "nan",
        "99999999999999999999",
        "0x",
        "true",
        "\u{feff}",
        "\0",
    ])
}
