//! The names that a plugin gives its metrics: well formed, and bounded in
//! number, since every new one is kept for as long as the port lives.

use std::collections::HashSet;

/// Names that one instance can use.
pub const MAX_METRIC_NAMES: usize = 64;

/// Bytes of a metric's name.
pub const MAX_METRIC_NAME_BYTES: usize = 64;

/// The names that an instance has used.
#[derive(Default)]
pub(crate) struct MetricNames {
    known: HashSet<Box<str>>,
    refused: u64,
}

/// Whether a number is passed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Known,
    /// The first one that is not, and why.
    FirstRefused(&'static str),
    Refused,
}

impl MetricNames {
    /// Whether a number of this name is passed on.
    pub(crate) fn admit(&mut self, name: &str) -> Admission {
        if self.known.contains(name) {
            return Admission::Known;
        }
        let fault = if !is_well_formed(name) {
            "a name is 1 to 64 bytes of a-z, 0-9 and _"
        } else if self.known.len() >= MAX_METRIC_NAMES {
            "a plugin has at most 64 names"
        } else {
            self.known.insert(name.into());
            return Admission::Known;
        };
        self.refused = self.refused.saturating_add(1);
        if self.refused == 1 {
            Admission::FirstRefused(fault)
        } else {
            Admission::Refused
        }
    }

    /// Numbers that were ignored.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}

fn is_well_formed(name: &str) -> bool {
    (1..=MAX_METRIC_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
#[path = "metric_names_tests.rs"]
mod tests;
