//! What a guest or a front end can do any number of times is told the first
//! time, and then ever more rarely.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A count that says when to speak.
#[derive(Debug, Default)]
pub(crate) struct Rarely(AtomicU64);

impl Rarely {
    /// Counts one more, and gives the count where it is to be told.
    pub(crate) fn again(&self) -> Option<u64> {
        count(&self.0)
    }
}

/// Adds one to a counter, and gives its value where that is to be told.
pub(crate) fn count(counter: &AtomicU64) -> Option<u64> {
    let before = counter.fetch_add(1, Relaxed);
    worth_telling(before, before.saturating_add(1))
}

/// A count that grew, where it is to be told: when it reaches a power of two, or
/// passes one.
pub(crate) fn worth_telling(before: u64, now: u64) -> Option<u64> {
    (before.checked_ilog2() != now.checked_ilog2()).then_some(now)
}

#[cfg(test)]
#[path = "rarely_tests.rs"]
mod tests;
