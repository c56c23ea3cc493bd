//! What happened to a port's bytes and its plugin, counted.
//!
//! To count something more, add a field here and its line in
//! [`crate::metrics::page`].

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::calls::Calls;
use super::measures::Measures;
use super::strikes::Strikes;

/// Counters of one session, which only grow, and gauges, which say what is now.
/// Any task may read them.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes that the plugin took from the guest.
    pub from_guest_bytes: AtomicU64,
    /// Deliveries in which it took them.
    pub deliveries: AtomicU64,
    /// Bytes that were put into the guest's buffers.
    pub to_guest_bytes: AtomicU64,
    /// The plugin's `send`s of which something was taken.
    pub sends: AtomicU64,
    /// Bytes of the guest's that a console had to drop, since its plugin was
    /// slower than the guest.
    pub console_dropped_bytes: AtomicU64,
    /// Bytes that a call which failed had been given.
    pub lost_to_failure_bytes: AtomicU64,
    /// Bytes for a guest's program that closed the port before it read them.
    pub unread_bytes: AtomicU64,
    /// Bytes discarded on a port that nothing answers, or whose plugin has
    /// closed it or is not started again.
    pub discarded_bytes: AtomicU64,
    /// Calls of the plugin that failed.
    pub failures: AtomicU64,
    /// 1 where the plugin failed more often than its restart budget allows.
    pub given_up: AtomicU64,
    /// Instances started after the first.
    pub restarts: AtomicU64,
    /// Faults of the guest in this port's rings.
    pub guest_faults: AtomicU64,
    /// Messages of the plugin's that the log had no room for.
    pub log_messages_dropped: AtomicU64,
    /// Messages of the plugin's that were cut in the log.
    pub log_messages_cut: AtomicU64,
    /// Bytes that the plugin printed beyond what is kept.
    pub output_dropped_bytes: AtomicU64,
    /// Numbers of the plugin's under a name that no metric can have, or that
    /// is one too many.
    pub measures_refused: AtomicU64,
    /// Gauge: bytes of the guest's that the plugin was not given yet, or did
    /// not take.
    pub inbox_bytes: AtomicU64,
    /// Gauge: linear memory of the plugin's, in bytes. None while it rests.
    pub memory_bytes: AtomicU64,
    /// Gauge: 1 while the plugin rests after a failure.
    pub resting: AtomicU64,
    /// The host programs that connected to the port's socket.
    pub clients: PeerCounters,
    /// The calls into the plugin.
    pub calls: Calls,
    /// What the plugin counts and gauges itself.
    pub measures: Measures,
    /// Limits of the port that struck, by name.
    pub strikes: Strikes,
}

/// What happened to the channels of one kind of peer.
#[derive(Debug, Default)]
pub struct PeerCounters {
    /// Gauge: how many are open.
    pub open: AtomicU64,
    /// How many opened so far.
    pub connected: AtomicU64,
    /// How many did not come to be.
    pub refused: AtomicU64,
    /// Bytes that the plugin took from them.
    pub from_bytes: AtomicU64,
    /// Bytes that their sockets took.
    pub to_bytes: AtomicU64,
    /// Bytes that the plugin sent and a peer that went did not take.
    pub unread_bytes: AtomicU64,
    /// Bytes that the plugin was given and did not take before the end.
    pub discarded_bytes: AtomicU64,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, by: impl TryInto<u64>) {
    counter.fetch_add(by.try_into().unwrap_or(u64::MAX), Relaxed);
}

/// Sets a gauge.
pub(crate) fn set(gauge: &AtomicU64, value: impl TryInto<u64>) {
    gauge.store(value.try_into().unwrap_or(u64::MAX), Relaxed);
}

/// Reads a counter or a gauge.
pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}
