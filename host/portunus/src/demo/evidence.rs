//! What three places say of a run, and whether all of them show its word.

use std::fmt;

use super::word::Word;
use crate::escape::Escaped;

/// What was seen in each place.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// The line that the guest wrote to its ports, as its console showed it.
    pub(super) console: String,
    /// What the guest read from the echo plugin's port.
    pub(super) reply: String,
    /// The log plugin's file.
    pub(super) log: String,
}

/// A run's word was not seen everywhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "this run's word, {word}, is missing{}\n\
     Look at the files of a run with --keep DIR, and at what plugins say with -v",
    .places.iter().map(ToString::to_string).collect::<String>()
)]
pub struct Missing {
    word: Word,
    places: Vec<MissingIn>,
}

/// A place that does not show the word.
#[derive(Debug)]
struct MissingIn {
    place: &'static str,
    shown: String,
}

impl fmt::Display for MissingIn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, shown } = self;
        write!(out, "\n  from {place}: ")?;
        match shown.as_str() {
            "" => out.write_str("nothing is there"),
            _ => write!(out, "`{}` is there", Escaped::new(shown)),
        }
    }
}

impl Evidence {
    /// Whether the word is everywhere.
    pub(super) fn check(&self, word: &Word) -> Result<(), Missing> {
        let places = [
            ("the guest's console", &self.console),
            ("the echo plugin's reply", &self.reply),
            ("the log plugin's file", &self.log),
        ];
        let places: Vec<MissingIn> = places
            .into_iter()
            .filter(|(_, shown)| !shown.contains(word.as_str()))
            .map(|(place, shown)| MissingIn {
                place,
                shown: shown.clone(),
            })
            .collect();
        if places.is_empty() {
            return Ok(());
        }
        Err(Missing {
            word: word.clone(),
            places,
        })
    }

    /// The line of the log that has the word.
    pub(super) fn logged(&self, word: &Word) -> Option<&str> {
        self.log.lines().find(|line| line.contains(word.as_str()))
    }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
