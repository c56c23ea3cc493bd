//! A port's `config` table: from the JSON that the host sends to the plugin's
//! own type, with errors that name the key.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads `json`, a JSON object, as `Config`. The error is one line: the key,
/// and what is wrong with it.
pub(crate) fn parse<Config: DeserializeOwned>(json: &str) -> Result<Config, String> {
    // Through a value first: its errors have no line and column, which would
    // be those of the JSON and not of the file that the user wrote.
    let table: Value =
        serde_json::from_str(json).map_err(|error| format!("config: not JSON: {error}"))?;
    serde_path_to_error::deserialize(table).map_err(|error| {
        let key = error.path().to_string();
        let what = error.into_inner();
        match key.as_str() {
            "." => format!("config: {what}"),
            key => format!("config.{key}: {what}"),
        }
    })
}

/// Refuses every key of `json`, a JSON object.
pub(crate) fn refuse_any(json: &str) -> Result<(), String> {
    let table: Map<String, Value> = parse(json)?;
    match table.keys().next() {
        Some(key) => Err(format!(
            "config.{key}: unknown key, this plugin has no configuration"
        )),
        None => Ok(()),
    }
}

/// Whether the value of `key`, of a port's `config` table, is one of a range.
///
/// # Errors
///
/// One line that names the key, the value and the range: pass it on from
/// [`Plugin::new`](crate::Plugin::new).
pub fn check_range<T: PartialOrd + Display>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(format!(
        "config.{key}: {value} is not between {least} and {most}"
    ))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
