//! What happened to a port's bytes and its plugin, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one session. They only grow; any task may read them.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes that the plugin took from the guest.
    pub from_guest_bytes: AtomicU64,
    /// Bytes that were put into the guest's buffers.
    pub to_guest_bytes: AtomicU64,
    /// Bytes of the guest's that a console had to drop, since its plugin was
    /// slower than the guest.
    pub console_dropped_bytes: AtomicU64,
    /// Bytes that a call which failed had been given.
    pub lost_to_failure_bytes: AtomicU64,
    /// Bytes for a guest's program that closed the port before it read them.
    pub unread_bytes: AtomicU64,
    /// Bytes discarded on a port that nothing answers.
    pub discarded_bytes: AtomicU64,
    /// Calls of the plugin that failed.
    pub failures: AtomicU64,
    /// Instances started after the first.
    pub restarts: AtomicU64,
    /// Faults of the guest in this port's rings.
    pub guest_faults: AtomicU64,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, by: usize) {
    counter.fetch_add(u64::try_from(by).unwrap_or(u64::MAX), Relaxed);
}

/// Reads a counter.
pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}
