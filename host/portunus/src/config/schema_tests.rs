//! The schema and the walk know the same keys, and the examples fit both.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::super::{LoadNothing, Source, load, read};
use super::schema;

/// Whether a value fits a schema, by those keywords that ours is made of.
/// Patterns are left to the types that have them.
fn fits(schema: &Json, root: &Json, value: &Json) -> bool {
    let reference = schema["$ref"]
        .as_str()
        .map(|path| path.trim_start_matches('#'));
    if !reference.is_none_or(|path| fits(root.pointer(path).unwrap(), root, value)) {
        return false;
    }
    let any = |key: &str| {
        schema[key]
            .as_array()
            .is_none_or(|all| all.iter().any(|one| fits(one, root, value)))
    };
    let fits_type = match schema["type"].as_str() {
        None => true,
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(other) => panic!("a type that no key has: {other}"),
    };
    let in_range = |size: Option<u64>, least: &str, most: &str| {
        size.is_none_or(|size| {
            schema[least].as_u64().is_none_or(|least| size >= least)
                && schema[most].as_u64().is_none_or(|most| size <= most)
        })
    };
    let length = value.as_str().map(|text| text.chars().count() as u64);
    fits_type
        && any("oneOf")
        && any("anyOf")
        && schema["const"].as_str().is_none_or(|only| value == only)
        && schema["enum"]
            .as_array()
            .is_none_or(|all| all.contains(value))
        && in_range(value.as_u64(), "minimum", "maximum")
        && in_range(length, "minLength", "maxLength")
        && in_range(
            value.as_array().map(|all| all.len() as u64),
            "minItems",
            "maxItems",
        )
        && value.as_array().is_none_or(|all| {
            schema["items"].is_null() || all.iter().all(|one| fits(&schema["items"], root, one))
        })
        && value.as_object().is_none_or(|object| {
            let required = schema["required"].as_array().into_iter().flatten();
            required
                .flat_map(Json::as_str)
                .all(|key| object.contains_key(key))
                && object
                    .iter()
                    .all(|(key, value)| match schema["properties"].get(key) {
                        Some(property) => fits(property, root, value),
                        None => schema["additionalProperties"] != Json::Bool(false),
                    })
        })
}

fn fits_schema(text: &str) -> bool {
    let root = schema().to_value();
    let value: toml::Table = text.parse().unwrap();
    fits(&root, &root, &serde_json::to_value(value).unwrap())
}

/// The keys that the walk names for a table, with a stranger to make it speak.
fn keys_of_walk(text: &str) -> BTreeSet<String> {
    let faults = read(Source::new("demo.toml", text), &mut LoadNothing).unwrap_err();
    let helps = faults.faults().iter().map(|fault| fault.help.as_str());
    let keys = helps
        .filter_map(|help| help.strip_prefix("the keys here are "))
        .next()
        .unwrap();
    keys.split(", ")
        .map(|key| key.trim_matches('`').to_owned())
        .collect()
}

#[test]
fn the_walk_takes_the_keys_that_the_schema_has() {
    let root = schema().to_value();
    let keys_of = |pointer: &str| -> BTreeSet<String> {
        let properties = root.pointer(pointer).unwrap()["properties"]
            .as_object()
            .unwrap();
        properties.keys().cloned().collect()
    };
    let tables = [
        ("stranger = 1", ""),
        ("device.stranger = 1", "/$defs/DeviceSpec"),
        ("vm.stranger = 1", "/$defs/VmSpec"),
        ("metrics.stranger = 1", "/$defs/MetricsSpec"),
        ("port = [{ stranger = 1 }]", "/$defs/PortSpec"),
        ("port = [{ listen.stranger = 1 }]", "/$defs/ListenSpec"),
        ("port = [{ grant.stranger = 1 }]", "/$defs/GrantSpec"),
        (
            "port = [{ grant.dirs = [{ stranger = 1 }] }]",
            "/$defs/DirGrantSpec",
        ),
        (
            "port = [{ grant.connect = [{ stranger = 1 }] }]",
            "/$defs/ConnectGrantSpec",
        ),
        ("port = [{ limit.stranger = 1 }]", "/$defs/LimitSpec"),
        ("port = [{ restart.stranger = 1 }]", "/$defs/RestartSpec"),
    ];
    for (text, pointer) in tables {
        assert_eq!(keys_of_walk(text), keys_of(pointer), "{pointer}");
    }
    let definitions = root["$defs"].as_object().unwrap().values();
    let objects = definitions
        .filter(|definition| definition["type"] == "object")
        .count();
    assert_eq!(
        objects + 1,
        tables.len(),
        "a table that the walk is not asked for"
    );
}

#[test]
fn every_table_refuses_other_keys_and_every_key_is_documented() {
    let root = schema().to_value();
    assert_eq!(
        root["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let definitions = root["$defs"].as_object().unwrap().values();
    for table in definitions
        .chain([&root])
        .filter(|table| table["type"] == "object")
    {
        assert_eq!(table["additionalProperties"], json!(false), "{table}");
        for (key, property) in table["properties"].as_object().unwrap() {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(
                !description.is_empty() && !description.contains('\n'),
                "{key}: {description}"
            );
        }
    }
}

#[test]
fn the_schema_refuses_what_the_walk_refuses() {
    let port = "[[port]]\nname = \"a\"\nplugin = \"echo\"\n";
    assert!(fits_schema(port));
    let wrong = [
        "".to_owned(),
        "port = []".to_owned(),
        "[[port]]\nname = \"a\"".to_owned(),
        format!("other = 1\n{port}"),
        format!("device.max-ports = 0\n{port}"),
        format!("device.max-ports = \"31\"\n{port}"),
        format!("metrics.socket = \"\"\n{port}"),
        format!("vm.kernel = \"\"\n{port}"),
        format!("vm.cpus = 65\n{port}"),
        format!("vm.cpus = \"2\"\n{port}"),
        format!("vm.memory = 512\n{port}"),
        format!("vm.transport = \"isa\"\n{port}"),
        format!("vm.on-reboot = \"halt\"\n{port}"),
        format!("vm.console = \"tty0\"\n{port}"),
        format!("vm.cmdline = \"\"\n{port}"),
        format!("{port}console = 1"),
        format!("{port}listen = 5"),
        format!("{port}listen = \"\""),
        format!("{port}listen = {{ path = \"a.sock\", clients = 0 }}"),
        format!("{port}listen = {{ path = \"a.sock\", mode = 660 }}"),
        format!("{port}limit.cpu = 5"),
        format!("{port}limit.timers = 0"),
        format!("{port}limit.rate = 8"),
        format!("{port}restart.budget = 101"),
        format!("{port}restart.then = \"stop\""),
        format!("{port}grant.dirs = [{{ host = \"/\", guest = \"/\", access = \"rw\" }}]"),
        format!("{port}grant.connect = [{{ name = \"a\" }}]"),
        format!("{port}grant.connect = [{{ name = \"\", address = \"tcp:127.0.0.1:1\" }}]"),
        format!("{port}config = []"),
    ];
    for text in wrong {
        assert!(!fits_schema(&text), "{text}");
        assert!(
            read(Source::new("demo.toml", &*text), &mut LoadNothing).is_err(),
            "{text}"
        );
    }
}

#[test]
fn every_example_loads_and_fits_the_schema() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let machine = examples.join("vm/vm.toml");
    let files = fs::read_dir(examples)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_configuration = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    let mut count = 0;
    for path in files.chain([machine]).filter(is_configuration) {
        let loaded = load(&path, &mut LoadNothing);
        assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
        assert!(
            fits_schema(&fs::read_to_string(&path).unwrap()),
            "{}",
            path.display()
        );
        count += 1;
    }
    assert!(count >= 4, "{count} examples");
}
