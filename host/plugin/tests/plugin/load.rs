//! What is not a plugin: each kind told by itself, in words that help.

use std::io::Write;

use portunus_plugin::{Component, LoadError, MAX_COMPONENT_BYTES};
use proptest::prelude::*;

use crate::engine;
use crate::text::{Plugin, contract_path, encode};

fn refusal(source: &[u8]) -> LoadError {
    match Component::load(engine(), source, "bad.wasm") {
        Ok(_) => panic!("it was loaded"),
        Err(error) => error,
    }
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a component")
}

fn contract() -> String {
    std::fs::read_to_string(contract_path()).expect("the contract")
}

/// A core module that exports nothing, as the world's text allows.
const EMPTY: &str = r#"(module (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#;

#[test]
fn what_is_not_wasm_is_told() {
    for source in [
        &b""[..],
        b"\0as",
        b"#!/bin/sh\n",
        b"(component)",
        &[0xff; 100],
    ] {
        let error = refusal(source);
        assert!(matches!(error, LoadError::NotWasm { .. }), "{error}");
        assert!(
            error.to_string().starts_with("bad.wasm is not WebAssembly"),
            "{error}"
        );
    }
}

#[test]
fn a_core_module_is_told_with_what_to_do() {
    let error = refusal(&component("(module)"));
    assert!(matches!(error, LoadError::CoreModule { .. }), "{error}");
    assert!(
        error.to_string().contains("wasm-tools component new"),
        "{error}"
    );
}

#[test]
fn a_damaged_component_is_told() {
    let whole = Plugin::default().encode();
    for cut in [8, 9, whole.len() / 2, whole.len() - 1] {
        let error = refusal(&whole[..cut]);
        let fits = matches!(
            error,
            LoadError::Malformed { .. } | LoadError::WrongWorld { .. }
        );
        assert!(fits, "{cut}: {error}");
    }
}

#[test]
fn all_missing_imports_are_told_by_name_at_once() {
    let error = refusal(&component(
        r#"(component
            (import "acme:gpu/render@1.0.0" (instance (export "draw" (func))))
            (import "wasi:cli/environment@0.2.3" (instance))
            (import "wasi:http/types@0.2.0" (instance (export "x" (func))))
            (import "wasi:cli/environment@0.3.0" (instance (export "x" (func))))
            (import "wasi:cli/nothing@0.2.0" (instance (export "x" (func))))
            (import "portunus:port/gpu@0.1.0" (instance (export "x" (func))))
            (import "portunus:port/log@0.1.0" (instance))
            (import "plain" (func)))"#,
    ));
    let LoadError::MissingImports { imports, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        *imports,
        [
            "acme:gpu/render@1.0.0",
            "wasi:http/types@0.2.0",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/nothing@0.2.0",
            "portunus:port/gpu@0.1.0",
            "plain"
        ]
    );
    assert!(
        error
            .to_string()
            .contains("acme:gpu/render@1.0.0, wasi:http/types@0.2.0"),
        "{error}"
    );
}

#[test]
fn a_component_of_another_world_is_told_with_what_it_exports() {
    let error = refusal(&component(
        r#"(component
            (component $run)
            (instance $nothing)
            (export "wasi:cli/run@0.2.0" (instance $nothing)))"#,
    ));
    let LoadError::WrongWorld { exports, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*exports, ["wasi:cli/run@0.2.0"]);
    assert!(
        error.to_string().contains("portunus:port/handler@0.1.0"),
        "{error}"
    );
    let error = refusal(&component("(component)"));
    assert!(error.to_string().contains("but nothing"), "{error}");
}

#[test]
fn another_version_of_the_contract_is_told_with_both() {
    let other = contract().replace("portunus:port@0.1.0", "portunus:port@0.2.0");
    let module = r#"(module
        (import "portunus:port/log@0.2.0" "log" (func $log (param i32 i32 i32)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#;
    let world = other
        .split_once("world plugin")
        .expect("a world")
        .0
        .to_owned()
        + "world plugin { import log; }";
    let error = refusal(&encode(module, &world, ""));
    let LoadError::OtherContract { found, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(found, "0.2.0");
    assert!(
        error.to_string().contains("0.2.0") && error.to_string().contains("0.1.0"),
        "{error}"
    );

    let error = refusal(&component(
        r#"(component (instance $none) (export "portunus:port/handler@0.1.7" (instance $none)))"#,
    ));
    assert!(matches!(error, LoadError::OtherContract { .. }), "{error}");
}

#[test]
fn a_handler_of_another_shape_is_told_by_its_function() {
    let error = refusal(&component(
        r#"(component (instance $none) (export "portunus:port/handler@0.1.0" (instance $none)))"#,
    ));
    assert!(matches!(error, LoadError::WrongShape { .. }), "{error}");
    assert!(
        error.to_string().contains("handler has no function init"),
        "{error}"
    );

    let edited = contract().replace("on-timer: func(token: u64);", "on-timer: func(token: u32);");
    let module = Plugin::default()
        .module()
        .replace("(param $token i64)", "(param $token i32)");
    let error = refusal(&encode(&module, &edited, ""));
    assert!(matches!(error, LoadError::WrongShape { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("handler.on-timer has another type"),
        "{error}"
    );
}

#[test]
fn an_import_of_another_shape_is_told() {
    let edited = contract().replace("stopped: func();", "stopped: func(why: u32);");
    let module = Plugin::default().module().replace(
        r#""stopped" (func $stopped)"#,
        r#""stopped" (func $stopped (param i32))"#,
    );
    let error = refusal(&encode(&module, &edited, ""));
    assert!(matches!(error, LoadError::WrongShape { .. }), "{error}");
    assert!(error.to_string().contains("lifecycle"), "{error}");
}

#[test]
fn too_many_parts_are_told() {
    let instances = "(core instance (instantiate $m))".repeat(65);
    let error = refusal(&component(&format!(
        "(component (core module $m) {instances})"
    )));
    assert!(
        error
            .to_string()
            .contains("exceeds the configured maximum of 64"),
        "{error}"
    );
    let memories = "(core instance (instantiate $m))".repeat(5);
    let module = "(core module $m (memory 1))";
    let error = refusal(&component(&format!("(component {module} {memories})")));
    assert!(
        error
            .to_string()
            .contains("exceeds the configured maximum of 4"),
        "{error}"
    );
    let tables = "(table 1 funcref)".repeat(17);
    let module = format!("(core module $m {tables}) (core instance (instantiate $m))");
    let error = refusal(&component(&format!("(component {module})")));
    assert!(
        error
            .to_string()
            .contains("exceeds the per-instance limit of 16"),
        "{error}"
    );
}

#[test]
fn features_that_no_plugin_needs_are_refused() {
    for module in [
        "(memory i64 1)",
        "(memory 1 1 shared)",
        "(tag)",
        "(func (return_call 0))",
        "(type (struct))",
    ] {
        let error = refusal(&component(&format!("(component (core module {module}))")));
        assert!(
            matches!(error, LoadError::Malformed { .. }),
            "{module}: {error}"
        );
    }
    let error = refusal(&component(r#"(component (import "f" (func async)))"#));
    assert!(matches!(error, LoadError::Malformed { .. }), "{error}");
}

#[test]
fn a_file_is_read_up_to_the_size_that_a_plugin_may_have() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&Plugin::default().encode()).unwrap();
    Component::load_file(engine(), file.path()).unwrap();
    file.as_file().set_len(MAX_COMPONENT_BYTES + 1).unwrap();
    let error = Component::load_file(engine(), file.path()).err().unwrap();
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("134217728"), "{error}");
}

#[test]
fn a_component_says_what_it_begins_with() {
    let plugin = Plugin {
        fields: "(table 1234 funcref)",
        ..Plugin::default()
    };
    let component = Component::load(engine(), &plugin.encode(), "test.wasm").unwrap();
    assert_eq!(component.initial_memory_bytes(), 4 * 65_536);
    assert_eq!(component.initial_table_elements(), 1_234);
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_owned(), dir.path().join("no-such.wasm")] {
        let error = Component::load_file(engine(), &path).err().unwrap();
        assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        refusal(&bytes);
        refusal(&[b"\0asm\x0d\0\x01\0", bytes.as_slice()].concat());
    }

    #[test]
    fn a_plugin_with_damaged_bytes_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        static WHOLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| Plugin::default().encode());
        let mut source = WHOLE.clone();
        for (at, byte) in damage {
            let at = at.index(source.len());
            source[at] = byte;
        }
        let _ = Component::load(engine(), &source, "damaged.wasm");
    }
}

#[test]
fn a_module_that_exports_nothing_is_no_plugin() {
    let world = contract().replace("export handler;", "");
    let error = refusal(&encode(EMPTY, &world, ""));
    assert!(matches!(error, LoadError::WrongWorld { .. }), "{error}");
}

#[test]
fn globals_beyond_what_the_host_keeps_of_an_instance_are_told() {
    let with = |globals: usize| {
        let globals = "(global i64 (i64.const 0))".repeat(globals);
        let module = Plugin::default()
            .module()
            .replace("(memory $memory", &format!("{globals}(memory $memory"));
        encode(&module, &contract(), "")
    };
    Component::load(engine(), &with(60_000), "large.wasm").expect("a plugin");
    let error = refusal(&with(70_000));
    assert!(matches!(error, LoadError::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("instance allocation"), "{error}");
}
