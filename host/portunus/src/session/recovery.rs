//! How long a plugin that failed rests before a new instance takes its place.
//! Pure: the caller brings the time.

use std::time::{Duration, Instant};

/// The first rest. Linux's driver cannot see a port that is closed for less.
pub(super) const FIRST_REST: Duration = Duration::from_millis(100);

/// The longest rest: an operator who mends the cause waits no longer.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(10);

/// A plugin that ran this long without a failure starts anew at
/// [`FIRST_REST`].
pub(super) const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// The back-off of one session.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    last: Option<(Instant, Duration)>,
}

impl Recovery {
    /// Notes a failure and tells how long to rest: 100 ms at first, doubled by
    /// each failure within a minute of the end of the rest before, 10 s at
    /// most.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        let rest = match self.last {
            Some((at, rest)) if now.duration_since(at) < rest.saturating_add(FORGIVEN_AFTER) => {
                rest.saturating_mul(2).min(LONGEST_REST)
            }
            _ => FIRST_REST,
        };
        self.last = Some((now, rest));
        rest
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
