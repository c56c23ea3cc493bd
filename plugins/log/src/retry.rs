//! How long to wait before the disk is tried again.

use std::time::Duration;

/// Soon at first, since somebody may just be making room.
const FIRST: Duration = Duration::from_millis(100);
/// At least this often, so that a guest does not wait long for nothing.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits that double, up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The wait before the next try; the one after it is longer.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(LONGEST);
        wait
    }
}

/// When the last try is made in an orderly stop: a little before the host stops
/// waiting, so that what is lost can still be said.
pub(crate) fn last_try(grace: Duration) -> Duration {
    const MARGIN: Duration = Duration::from_millis(250);
    grace.saturating_sub(MARGIN.min(grace.checked_div(2).unwrap_or_default()))
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
