//! The word of a run: where it is seen, this run's bytes have been.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

const CONSONANTS: &str = "bdfghjklmnprstvz";
const VOWELS: &str = "aiou";

/// 32 random bits that a person can read and compare: a proquint
/// (arXiv:0901.4016), like `lusab-babad`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// Draws a word.
    pub(super) fn draw() -> Self {
        // The standard library has no other source of randomness: its hash
        // maps' keys come from the system's.
        let [a, b, c, d, ..] = RandomState::new().hash_one(()).to_ne_bytes();
        Self::from_bits([u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d])])
    }

    fn from_bits([first, second]: [u16; 2]) -> Self {
        Self(format!("{}-{}", quint(first), quint(second)))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// 16 bits as five letters, of which consonants carry four and vowels two.
fn quint(bits: u16) -> String {
    let letters = [
        (CONSONANTS, bits >> 12),
        (VOWELS, bits >> 10 & 0b11),
        (CONSONANTS, bits >> 6 & 0b1111),
        (VOWELS, bits >> 4 & 0b11),
        (CONSONANTS, bits & 0b1111),
    ];
    letters
        .into_iter()
        .filter_map(|(alphabet, index)| alphabet.chars().nth(index.into()))
        .collect()
}

#[cfg(test)]
#[path = "word_tests.rs"]
mod tests;
