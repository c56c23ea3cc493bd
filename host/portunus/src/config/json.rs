//! A table for a plugin, turned into the JSON that it gets.

use serde_json::{Map, Number, Value as Json};
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::diagnose::Diagnostic;
use super::source::Span;

/// A table as a JSON object. TOML's dates and times become strings. What JSON
/// has no number for is reported, and null.
pub(crate) fn object(table: &DeTable<'_>, report: &mut dyn FnMut(Diagnostic)) -> Map<String, Json> {
    let entries = table.iter().map(|(key, value)| {
        let json = any(value.get_ref(), value.span().into(), report);
        (key.get_ref().to_string(), json)
    });
    entries.collect()
}

/// As deep as the table is nested, for which the parser has a bound (80).
fn any(value: &DeValue<'_>, span: Span, report: &mut dyn FnMut(Diagnostic)) -> Json {
    let number = match value {
        DeValue::String(text) => return Json::String(text.to_string()),
        DeValue::Boolean(boolean) => return Json::Bool(*boolean),
        DeValue::Datetime(time) => return Json::String(time.to_string()),
        DeValue::Table(table) => return Json::Object(object(table, report)),
        DeValue::Array(array) => {
            let elements = array.iter();
            let json = elements.map(|value| any(value.get_ref(), value.span().into(), report));
            return Json::Array(json.collect());
        }
        DeValue::Integer(integer) => whole(integer),
        DeValue::Float(float) => real(float),
    };
    number.map_or_else(
        || {
            let what = "a plugin cannot be given this number";
            let help = "write a finite number, a whole one in at most 64 bits, or a string";
            report(
                Diagnostic::new(what)
                    .at(span, "no number in JSON")
                    .help(help),
            );
            Json::Null
        },
        Json::Number,
    )
}

fn whole(integer: &DeInteger<'_>) -> Option<Number> {
    let signed = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
    let unsigned = || u64::from_str_radix(integer.as_str(), integer.radix()).ok();
    signed
        .map(Number::from)
        .or_else(|| unsigned().map(Number::from))
}

fn real(float: &DeFloat<'_>) -> Option<Number> {
    float.as_str().parse().ok().and_then(Number::from_f64)
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
