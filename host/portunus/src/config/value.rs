//! Values as the configuration writes them, read into types.
//!
//! Owns what a TOML value must be to become one of our types, and what is said
//! when it is not. Leaves where the value stands to `fields`.

use toml::de::DeValue;

/// Longest key that a fault repeats, in characters.
pub(crate) const QUOTED: usize = 64;

/// Something that a key of the configuration can hold.
pub(crate) trait Value: Sized {
    /// What the value must be: "a boolean".
    const WANTED: &'static str;

    /// A value as the file would have it.
    const EXAMPLE: &'static str;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// Why it does not fit.
    fn read(value: &DeValue<'_>) -> Result<Self, Unfit>;
}

/// Why a value does not fit its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is of another TOML type.
    Type,
    /// It is of the right type, and says something else.
    Content(Invalid),
}

/// What is wrong with a text that was to become one of our types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {help}")]
pub struct Invalid {
    /// What is wrong, as the end of a sentence that begins with the value:
    /// "is empty".
    pub what: String,
    /// What to do about it.
    pub help: String,
}

impl Invalid {
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: help.into(),
        }
    }
}

/// What a value of the wrong type is, in words.
pub(crate) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A string that `T` can be parsed from.
pub(crate) fn from_text<T>(
    value: &DeValue<'_>,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<T, Unfit> {
    let text = value.as_str().ok_or(Unfit::Type)?;
    if text.is_empty() {
        return Err(Unfit::Content(Invalid::new(
            "is empty",
            "write something, or remove the key",
        )));
    }
    parse(text).map_err(Unfit::Content)
}

/// Refuses a text that is too long, or not on one line.
///
/// # Errors
///
/// Which of them it is.
pub(crate) fn one_line(text: &str, most_bytes: usize) -> Result<(), Invalid> {
    let length = text.len();
    if length > most_bytes {
        Err(Invalid::new(
            format!("has {length} bytes"),
            format!("write at most {most_bytes}"),
        ))
    } else if text.chars().any(char::is_control) {
        Err(Invalid::new(
            "has a control character",
            "write text on one line",
        ))
    } else {
        Ok(())
    }
}

impl Value for bool {
    const WANTED: &'static str = "a boolean";
    const EXAMPLE: &'static str = "true";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        value.as_bool().ok_or(Unfit::Type)
    }
}

/// The word that was probably meant: at most a third of it is different.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word
        .get(..QUOTED)
        .unwrap_or(word)
        .to_lowercase()
        .replace('_', "-");
    let distance = |known: &str| strsim::damerau_levenshtein(&word, known);
    let nearest = known.iter().min_by_key(|known| distance(known))?;
    let allowed = (nearest.len() / 3).max(1);
    (distance(nearest) <= allowed).then_some(*nearest)
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
