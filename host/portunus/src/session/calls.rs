//! The calls into one port's plugin: how long each took, and how those ended
//! that failed.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portunus_plugin::Fault;

/// What of a plugin is called: its start, and the exports of `handler` that a
/// session uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    /// The component's own start.
    Start,
    /// `init`.
    Init,
    /// `on-open`.
    OnOpen,
    /// `on-data`.
    OnData,
    /// `on-writable`.
    OnWritable,
    /// `on-end`.
    OnEnd,
    /// `on-close`.
    OnClose,
    /// `on-timer`.
    OnTimer,
    /// `on-stop`.
    OnStop,
}

impl Export {
    /// The name, as the contract and every [`Fault`] have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Init => "init",
            Self::OnOpen => "on-open",
            Self::OnData => "on-data",
            Self::OnWritable => "on-writable",
            Self::OnEnd => "on-end",
            Self::OnClose => "on-close",
            Self::OnTimer => "on-timer",
            Self::OnStop => "on-stop",
        }
    }
}

/// What the calls into one port's plugin took and how they failed, through all
/// its instances. Any task may read it.
#[derive(Debug, Default)]
pub struct Calls {
    start: CallTimes,
    init: CallTimes,
    on_open: CallTimes,
    on_data: CallTimes,
    on_writable: CallTimes,
    on_end: CallTimes,
    on_close: CallTimes,
    on_timer: CallTimes,
    on_stop: CallTimes,
    failed: Mutex<Failed>,
}

/// Calls that failed, by export and cause: the cause's name, or `refused` where
/// a plugin refused its configuration. The names are the program's own, so there
/// are few.
pub type Failed = BTreeMap<(&'static str, &'static str), u64>;

impl Calls {
    /// Runs a call and notes how long it took and how it ended.
    pub(crate) async fn watch<T>(
        &self,
        export: Export,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let begun = Instant::now();
        let outcome = call.await;
        self.of(export).record(begun.elapsed());
        outcome.inspect_err(|fault| self.note(fault))
    }

    fn note(&self, fault: &Fault) {
        increment(&mut self.failed_now(), (fault.export, fault.cause.name()));
    }

    /// The plugin refused its configuration.
    pub(super) fn note_refused(&self) {
        let refused = (Export::Init.name(), "refused");
        increment(&mut self.failed_now(), refused);
    }

    /// The calls that failed so far.
    pub fn failed(&self) -> Failed {
        self.failed_now().clone()
    }

    /// The times of each export.
    pub fn times(&self) -> impl Iterator<Item = (Export, &CallTimes)> {
        use Export::{Init, OnClose, OnData, OnEnd, OnOpen, OnStop, OnTimer, OnWritable, Start};
        [
            Start, Init, OnOpen, OnData, OnWritable, OnEnd, OnClose, OnTimer, OnStop,
        ]
        .map(|export| (export, self.of(export)))
        .into_iter()
    }

    fn of(&self, export: Export) -> &CallTimes {
        match export {
            Export::Start => &self.start,
            Export::Init => &self.init,
            Export::OnOpen => &self.on_open,
            Export::OnData => &self.on_data,
            Export::OnWritable => &self.on_writable,
            Export::OnEnd => &self.on_end,
            Export::OnClose => &self.on_close,
            Export::OnTimer => &self.on_timer,
            Export::OnStop => &self.on_stop,
        }
    }

    fn failed_now(&self) -> MutexGuard<'_, Failed> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn increment(failed: &mut Failed, call: (&'static str, &'static str)) {
    let count = failed.entry(call).or_default();
    *count = count.saturating_add(1);
}

/// The upper bounds of the counted times, in nanoseconds: close together where
/// most calls lie, then a decade each, up to what a call may take.
///
/// Below 0.1 ms there is no power of ten: OpenMetrics wants those in a spelling
/// (`1e-05`) that the encoder does not have.
pub const BOUNDS_NS: [u64; 10] = [
    2_000,
    5_000,
    20_000,
    50_000,
    200_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
];

/// How long calls took, counted by [`BOUNDS_NS`].
#[derive(Debug, Default)]
pub struct CallTimes {
    counts: [AtomicU64; BOUNDS_NS.len()],
    longer: AtomicU64,
    sum_ns: AtomicU64,
}

/// [`CallTimes`] at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTimesNow {
    /// How many took at most the bound of the same place, and more than the
    /// bound before.
    pub counts: [u64; BOUNDS_NS.len()],
    /// How many took longer than any bound.
    pub longer: u64,
    /// What all took together, in nanoseconds.
    pub sum_ns: u64,
}

impl CallTimes {
    fn record(&self, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let place = BOUNDS_NS.iter().position(|bound| took_ns <= *bound);
        let count = place.and_then(|place| self.counts.get(place));
        count.unwrap_or(&self.longer).fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(took_ns, Relaxed);
    }

    /// What was counted so far.
    pub fn now(&self) -> CallTimesNow {
        CallTimesNow {
            counts: self.counts.each_ref().map(|count| count.load(Relaxed)),
            longer: self.longer.load(Relaxed),
            sum_ns: self.sum_ns.load(Relaxed),
        }
    }
}

impl CallTimesNow {
    /// How many calls there were.
    pub fn count(&self) -> u64 {
        self.counts
            .iter()
            .fold(self.longer, |sum, count| sum.saturating_add(*count))
    }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
