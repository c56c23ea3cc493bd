//! What a port's plugins count and gauge themselves. It outlives an instance,
//! so that what counts up goes on where a plugin that failed left it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portunus_plugin::Measure;

/// The numbers of one port's plugins. A name may be a counter and a gauge: they
/// are two numbers.
#[derive(Debug, Default)]
pub struct Measures(Mutex<MeasuresNow>);

/// [`Measures`] at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeasuresNow {
    /// What was counted, by name.
    pub counts: BTreeMap<Box<str>, u64>,
    /// What was set last, by name. Any float.
    pub gauges: BTreeMap<Box<str>, f64>,
}

impl Measures {
    /// Counts or sets a number. False where its name is one more of its kind than
    /// `limit`: one instance has at most that many names, but the next may have
    /// others.
    pub(super) fn take(&self, name: &str, value: Measure, limit: u64) -> bool {
        let mut now = self.lock();
        match value {
            Measure::Count(by) => {
                change(&mut now.counts, name, limit, |sum| sum.saturating_add(by))
            }
            Measure::Gauge(value) => change(&mut now.gauges, name, limit, |_| value),
        }
    }

    /// The numbers so far.
    pub fn now(&self) -> MeasuresNow {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, MeasuresNow> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn change<T: Copy + Default>(
    numbers: &mut BTreeMap<Box<str>, T>,
    name: &str,
    limit: u64,
    change: impl FnOnce(T) -> T,
) -> bool {
    if let Some(number) = numbers.get_mut(name) {
        *number = change(*number);
    } else if u64::try_from(numbers.len()).is_ok_and(|names| names < limit) {
        numbers.insert(name.into(), change(T::default()));
    } else {
        return false;
    }
    true
}

#[cfg(test)]
#[path = "measures_tests.rs"]
mod tests;
