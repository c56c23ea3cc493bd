//! The names that a plugin gives its metrics: well formed, and bounded in
//! number, since every new one is kept for as long as the port lives.

use std::collections::HashSet;

use crate::limits::{Limits, to_usize};

/// Bytes of a metric's name.
pub const MAX_METRIC_NAME_BYTES: usize = 64;

/// The names that an instance has used.
pub(crate) struct MetricNames {
    /// How many there may be.
    limit: usize,
    known: HashSet<Box<str>>,
    refused: u64,
}

/// Whether a number is passed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Known,
    /// The first one that is not, and why.
    FirstRefused(String),
    Refused,
}

impl MetricNames {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limit: to_usize(limits.metrics),
            known: HashSet::new(),
            refused: 0,
        }
    }

    /// Whether a number of this name is passed on.
    pub(crate) fn admit(&mut self, name: &str) -> Admission {
        if self.known.contains(name) {
            return Admission::Known;
        }
        let is_well_formed = is_well_formed(name);
        if is_well_formed && self.known.len() < self.limit {
            self.known.insert(name.into());
            return Admission::Known;
        }
        self.refused = self.refused.saturating_add(1);
        if self.refused > 1 {
            return Admission::Refused;
        }
        Admission::FirstRefused(if is_well_formed {
            format!("the limit of names, `metrics`, is {}", self.limit)
        } else {
            format!("a name is 1 to {MAX_METRIC_NAME_BYTES} bytes of a-z, 0-9 and _")
        })
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
