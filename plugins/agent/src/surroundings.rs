//! What no state machine has of itself: the time, and numbers that nobody can
//! foresee.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Where the plugin runs.
pub(crate) trait Surroundings {
    /// The time since some moment before the first call.
    fn now(&self) -> Duration;

    /// A number that is not likely to be one of those before.
    fn random(&self) -> u64;
}

/// The machine's clock and the system's randomness.
#[derive(Debug)]
pub(crate) struct Machine {
    start: Instant,
}

impl Default for Machine {
    fn default() -> Self {
        let start = Instant::now();
        Self { start }
    }
}

impl Surroundings for Machine {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn random(&self) -> u64 {
        // Keyed by the system's randomness. The agent is told each number, so
        // there is nothing to be kept from it: no two are to be the same.
        RandomState::new().hash_one(self.start.elapsed().as_nanos())
    }
}
