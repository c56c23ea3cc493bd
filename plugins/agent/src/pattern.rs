//! Patterns of names and arguments: `*` stands for any number of any characters,
//! everything else for itself.

use std::fmt;

use serde::{Deserialize, Deserializer};
use wildmatch::WildMatchPattern;

/// A pattern. No word has a NUL where it is looked at, so that only `*` is more
/// than itself.
#[derive(Clone, PartialEq)]
pub(crate) struct Pattern(WildMatchPattern<'*', '\0'>);

impl Pattern {
    pub(crate) fn new(pattern: &str) -> Self {
        Self(WildMatchPattern::new(pattern))
    }

    /// Whether it stands for this word.
    pub(crate) fn matches(&self, word: &str) -> bool {
        !word.contains('\0') && self.0.matches(word)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
