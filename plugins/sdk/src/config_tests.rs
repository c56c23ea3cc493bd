//! Tests of `config.rs`.

use serde::Deserialize;

use super::*;
use crate::ByteSize;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    path: String,
    #[serde(default)]
    max_line: Option<ByteSize>,
}

fn error_of(json: &str) -> String {
    parse::<Table>(json).unwrap_err()
}

#[test]
fn a_table_becomes_the_plugins_type() {
    let table: Table = parse(r#"{"path": "/logs/a", "max-line": "8KiB"}"#).unwrap();
    assert_eq!(
        table,
        Table {
            path: "/logs/a".into(),
            max_line: Some("8KiB".parse().unwrap())
        }
    );
}

#[test]
fn a_wrong_type_names_the_key() {
    assert_eq!(
        error_of(r#"{"path": 5}"#),
        "config.path: invalid type: integer `5`, expected a string"
    );
}

#[test]
fn a_wrong_size_names_the_key_and_shows_a_right_one() {
    let error = error_of(r#"{"path": "/logs/a", "max-line": "8 kilobytes"}"#);
    assert!(error.starts_with("config.max-line: "), "{error}");
    assert!(error.contains("10MiB"), "{error}");
}

#[test]
fn an_unknown_key_is_named_with_those_there_are() {
    assert_eq!(
        error_of(r#"{"path": "/logs/a", "max-lines": "8KiB"}"#),
        "config.max-lines: unknown field `max-lines`, expected `path` or `max-line`"
    );
}

#[test]
fn a_missing_key_is_named() {
    assert_eq!(error_of("{}"), "config: missing field `path`");
}

#[test]
fn a_plugin_without_configuration_refuses_any_key() {
    assert_eq!(refuse_any("{}"), Ok(()));
    assert_eq!(
        refuse_any(r#"{"path": 5}"#),
        Err("config.path: unknown key, this plugin has no configuration".into())
    );
}

#[test]
fn a_value_out_of_its_range_is_told_with_its_key_and_the_bounds() {
    assert_eq!(check_range("keep", 1, 1..=99), Ok(()));
    assert_eq!(check_range("keep", 99, 1..=99), Ok(()));
    assert_eq!(
        check_range("keep", 100, 1..=99),
        Err("config.keep: 100 is not between 1 and 99".to_owned())
    );
}
