//! Paths in the guest, as far as their words go. What a path leads to (links,
//! mounts, short names of Windows) the guest alone knows: whoever may make links
//! below an allowed folder decides what can be reached through it.

use serde::{Deserialize, Deserializer, de};

/// A folder or file below which everything is allowed, or a file by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// Whether this is the path itself, or one below it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(&self.0) else {
            return false;
        };
        is_plain(path)
            && (rest.is_empty() || self.0.ends_with(is_separator) || rest.starts_with(is_separator))
    }
}

/// Whether a path says where it leads by its words alone: absolute, and never
/// upwards.
pub(crate) fn is_plain(path: &str) -> bool {
    let mut parts = path.split(is_separator);
    is_absolute(path) && !path.contains(char::is_control) && parts.all(|part| !is_upwards(part))
}

/// `/etc`, `C:\Windows`, `C:/Windows`; not `\\server`, not `C:file`.
fn is_absolute(path: &str) -> bool {
    let unix = path.starts_with('/');
    let mut letters = path.chars();
    let drive = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.next() == Some(':')
        && letters.next().is_some_and(is_separator);
    unix || drive
}

/// `..`, also with the dots and spaces that Windows drops from a name's end.
fn is_upwards(part: &str) -> bool {
    part.starts_with("..") && part.chars().all(|letter| matches!(letter, '.' | ' '))
}

fn is_separator(letter: char) -> bool {
    matches!(letter, '/' | '\\')
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_plain(&text) {
            return Ok(Self(text));
        }
        Err(de::Error::custom(format!(
            "`{text}` is not an absolute path without `..`: write one like \"/var/log\""
        )))
    }
}

#[cfg(test)]
#[path = "paths_tests.rs"]
mod tests;
