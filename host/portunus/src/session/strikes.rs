//! How often each limit of a port struck.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use portunus_plugin::LimitStruck;

use super::counters::add;
use crate::config::{LIMITS, Limit};
use crate::rarely::count;

/// A counter for each limit. They only grow; any task may read them.
#[derive(Debug, Default)]
pub struct Strikes([AtomicU64; LIMITS.len()]);

impl Strikes {
    /// Each limit that strikes in a session, by name, and how often it did.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counted = LIMITS.iter().zip(&self.0);
        counted
            .filter(|(entry, _)| strikes_here(entry.limit))
            .map(|(entry, count)| (entry.name, count.load(Relaxed)))
    }

    /// How often a limit struck.
    pub fn of(&self, limit: Limit) -> u64 {
        self.counter(limit.name())
            .map_or(0, |count| count.load(Relaxed))
    }

    /// Counts a limit that ended an instance; the failure is logged with it.
    pub(crate) fn ended(&self, struck: &LimitStruck) {
        if let Some(counter) = self.counter(struck.name()) {
            add(counter, 1);
        }
    }

    /// Counts a limit that a session goes on with, and logs it: the first time,
    /// and then ever more rarely, since a guest or a plugin can have it strike
    /// at every byte.
    pub(super) fn strike(&self, limit: Limit, value: impl Display) {
        let Some(strikes) = self.counter(limit.name()).and_then(count) else {
            return;
        };
        let limit_name = limit.name();
        match limit {
            // How bytes are made to wait, with nothing lost.
            Limit::Outbox | Limit::Rate => {
                tracing::info!(limit = limit_name, %value, strikes, "a limit of the port makes bytes wait");
            }
            _ => {
                tracing::warn!(limit = limit_name, %value, strikes, "a limit of the port struck");
            }
        }
    }

    fn counter(&self, name: &str) -> Option<&AtomicU64> {
        let mut counted = LIMITS.iter().zip(&self.0);
        let (_, count) = counted.find(|(entry, _)| entry.name == name)?;
        Some(count)
    }
}

/// Whether a session counts a limit's strikes: not those of a plugin's words and
/// numbers, of which [`portunus_plugin::Losses`] counts what each cost, and not
/// one that is checked before anything starts.
fn strikes_here(limit: Limit) -> bool {
    !matches!(
        limit,
        Limit::Component | Limit::LogBytes | Limit::LogRate | Limit::Output | Limit::Metrics
    )
}

#[cfg(test)]
#[path = "strikes_tests.rs"]
mod tests;
