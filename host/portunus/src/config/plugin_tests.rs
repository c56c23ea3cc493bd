//! Plugins' files, and what is said of them.

use std::fs;
use std::path::Path;

use super::super::{Diagnostics, Loaded, Source, read};
use super::*;

/// Remembers what it is given, and refuses what says that it is bad.
#[derive(Default)]
struct Recorder {
    loaded: Vec<String>,
}

impl PluginLoader for Recorder {
    fn load(
        &mut self,
        source: &PluginSource,
        bytes: PluginBytes<'_>,
    ) -> Result<PluginNeeds, Vec<Invalid>> {
        self.loaded.push(source.to_string());
        match bytes {
            PluginBytes::File(b"bad") => {
                let imports = ["a:b/c", "d:e/f"];
                Err(imports
                    .map(|name| Invalid::new(format!("imports `{name}`"), "leave it out"))
                    .into())
            }
            PluginBytes::File(b"large") => Ok(PluginNeeds {
                memory_bytes: 20 << 20,
                table_elements: 30_000,
            }),
            _ => Ok(PluginNeeds::default()),
        }
    }
}

/// A configuration with a port for each line: what `plugin` is, and more keys.
fn load(directory: &Path, ports: &[&str], recorder: &mut Recorder) -> Result<Loaded, Diagnostics> {
    let port = |(id, keys): (usize, &&str)| format!("[[port]]\nname = \"{id}\"\nplugin = {keys}\n");
    let text: String = ports.iter().enumerate().map(port).collect();
    read(Source::new(directory.join("demo.toml"), text), recorder)
}

fn faults(directory: &Path, ports: &[&str]) -> Vec<String> {
    let faults = load(directory, ports, &mut Recorder::default()).unwrap_err();
    let shown = faults
        .faults()
        .iter()
        .map(|fault| fault.what.replace(&format!("{}/", directory.display()), ""));
    shown.collect()
}

#[test]
fn a_word_is_a_bundled_plugin_and_a_path_is_a_file() {
    let source = |text: &str| text.parse::<PluginSource>();
    assert_eq!(source("echo"), Ok(PluginSource::Bundled(Bundled::Echo)));
    assert_eq!(source("log"), Ok(PluginSource::Bundled(Bundled::Log)));
    assert_eq!(source("./echo"), Ok(PluginSource::File("./echo".into())));
    assert_eq!(
        source("echo.wasm"),
        Ok(PluginSource::File("echo.wasm".into()))
    );
    let Invalid { what, help } = source("mailer").unwrap_err();
    assert_eq!(what, "names no bundled plugin");
    assert_eq!(
        help,
        "bundled are `echo`, `log`, `agent`; a file is written with a slash: `./mailer`"
    );
    assert_eq!(source("ecco").unwrap_err().help, "did you mean `echo`?");
    assert!(source("a\0.wasm").is_err());
}

#[test]
fn a_plugin_that_many_ports_name_is_loaded_once() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.wasm"), "good").unwrap();
    let mut recorder = Recorder::default();
    let ports = [
        "\"a.wasm\"",
        "\"echo\"",
        "\"./a.wasm\"",
        "\"a.wasm\"",
        "\"echo\"",
    ];
    load(directory.path(), &ports, &mut recorder).unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    assert_eq!(recorder.loaded, ["echo".to_owned(), path("a.wasm")]);
}

#[test]
fn everything_wrong_with_a_component_is_told_where_it_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.wasm"), "bad").unwrap();
    let ports = ["\"a.wasm\"", "\"echo\"", "\"a.wasm\""];
    let told = load(directory.path(), &ports, &mut Recorder::default()).unwrap_err();
    assert_eq!(told.faults().len(), 2);
    assert!(told.faults()[1].what.ends_with("a.wasm` imports `d:e/f`"));
    assert_eq!(told.faults()[0].help, "leave it out");
    assert_eq!(told.faults()[0].labels.len(), 2);
}

#[test]
fn a_file_that_cannot_be_a_plugin_is_not_loaded() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("dir.wasm")).unwrap();
    let large = fs::File::create(directory.path().join("large.wasm")).unwrap();
    large.set_len((32 << 20) + 1).unwrap();
    let told = faults(
        directory.path(),
        &["\"dir.wasm\"", "\"large.wasm\"", "\"missing.wasm\""],
    );
    let expected = [
        "plugin `dir.wasm` is no file",
        "plugin `large.wasm` has more than 32MiB, its `limit.component`",
        "plugin `missing.wasm` does not exist",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_pinned_file_must_have_the_digest() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.wasm"), "good").unwrap();
    let right = format!("\"a.wasm\"\nsha256 = \"{}\"", Digest::of(b"good"));
    let wrong = format!("\"a.wasm\"\nsha256 = \"{}\"", Digest::of(b"other"));
    assert!(load(directory.path(), &[&right], &mut Recorder::default()).is_ok());

    let mut recorder = Recorder::default();
    let told = load(directory.path(), &[&right, &wrong], &mut recorder).unwrap_err();
    assert!(
        told.faults()[0]
            .what
            .ends_with("a.wasm` is not the one that is pinned")
    );
    assert!(
        told.faults()[0]
            .help
            .contains(&Digest::of(b"good").to_string())
    );
    assert!(
        recorder.loaded.is_empty(),
        "what is not the pinned plugin is never loaded"
    );
}

#[test]
fn what_is_bundled_cannot_be_pinned() {
    let pinned = format!("\"echo\"\nsha256 = \"{}\"", Digest::of(b""));
    let told = faults(Path::new(""), &[&pinned]);
    assert_eq!(told, ["`sha256` pins a file, but `echo` is bundled"]);
}

#[test]
fn a_digest_is_64_hexadecimal_digits() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(empty.parse(), Ok(Digest::of(b"")));
    assert_eq!(empty.to_uppercase().parse(), Ok(Digest::of(b"")));
    assert_eq!(Digest::of(b"").to_string(), empty);
    for wrong in [
        &empty[1..],
        "",
        &empty.replace('e', "+"),
        &"é".repeat(32),
        &format!("{empty}00"),
    ] {
        assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
    }
}

#[test]
fn a_port_whose_limit_is_less_than_its_plugin_needs_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.wasm"), "large").unwrap();
    let enough = "\"a.wasm\"\nlimit = { memory = \"20MiB\", table-elements = 30000 }";
    let too_little = "\"a.wasm\"\nlimit = { memory = \"19MiB\" }";
    assert_eq!(
        load(directory.path(), &[enough], &mut Recorder::default())
            .map(drop)
            .ok(),
        Some(())
    );
    let told = load(
        directory.path(),
        &[enough, too_little],
        &mut Recorder::default(),
    )
    .unwrap_err();
    let what: Vec<_> = told
        .faults()
        .iter()
        .map(|fault| fault.what.as_str())
        .collect();
    assert_eq!(what.len(), 2, "{what:?}");
    assert!(
        what.iter()
            .any(|what| what.ends_with("a.wasm` begins with 20MiB, and `limit.memory` is 19MiB")),
        "{what:?}"
    );
    assert!(
        what.iter()
            .any(|what| what
                .ends_with("a.wasm` begins with 30000, and `limit.table-elements` is 20000")),
        "{what:?}"
    );
}

#[test]
fn each_port_bounds_its_plugin_s_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.wasm"), vec![0; 3_000]).unwrap();
    let small = "\"a.wasm\"\nlimit = { component = \"2KiB\" }";
    let told = faults(directory.path(), &["\"a.wasm\"", small]);
    assert_eq!(
        told,
        ["plugin `a.wasm` has 3000B, and `limit.component` is 2KiB"]
    );
    let told = faults(directory.path(), &[small]);
    assert_eq!(
        told,
        ["plugin `a.wasm` has more than 2KiB, its `limit.component`"]
    );
}
