//! The timers that one instance of a plugin has set. Pure: the caller brings
//! the time.

use std::time::{Duration, Instant};

/// The longest time a timer may be set for: a plugin that asks for more gets
/// this, which no host process sees the end of.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A small set of tokens with the time each is due.
#[derive(Debug)]
pub struct Timers {
    limit: usize,
    set: Vec<(u64, Instant)>,
}

impl Timers {
    /// No timers yet, and at most so many.
    pub fn new(limit: u64) -> Self {
        Self {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            set: Vec::new(),
        }
    }

    /// Sets or moves a timer; false when as many are set as may be.
    pub fn set(&mut self, token: u64, now: Instant, after: Duration) -> bool {
        let due = now.checked_add(after.min(LONGEST)).unwrap_or(now);
        if let Some(timer) = self.set.iter_mut().find(|timer| timer.0 == token) {
            timer.1 = due;
            return true;
        }
        if self.set.len() >= self.limit {
            return false;
        }
        self.set.push((token, due));
        true
    }

    /// Forgets a timer.
    pub fn cancel(&mut self, token: u64) {
        self.set.retain(|timer| timer.0 != token);
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.set.iter().map(|timer| timer.1).min()
    }

    /// Takes the timer that has been due longest at `now`.
    pub fn take_due(&mut self, now: Instant) -> Option<u64> {
        let due = self.next_due().filter(|due| *due <= now)?;
        let at = self.set.iter().position(|timer| timer.1 == due)?;
        Some(self.set.swap_remove(at).0)
    }
}

#[cfg(test)]
#[path = "timers_tests.rs"]
mod tests;
