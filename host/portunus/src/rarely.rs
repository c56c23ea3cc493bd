//! What a guest or a front end can do any number of times is told the first
//! time, and then ever more rarely.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A count that says when to speak.
#[derive(Debug, Default)]
pub(crate) struct Rarely(AtomicU64);

impl Rarely {
    /// Counts one more, and gives the count where it is to be told: at each
    /// power of two.
    pub(crate) fn again(&self) -> Option<u64> {
        let count = self.0.fetch_add(1, Relaxed).saturating_add(1);
        count.is_power_of_two().then_some(count)
    }
}

#[cfg(test)]
#[path = "rarely_tests.rs"]
mod tests;
