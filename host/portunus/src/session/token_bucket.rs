//! A bound on bytes in a second. Pure: the caller brings the time.

use std::time::{Duration, Instant};

/// How much may come at once: a second's worth, so that what is short is not
/// made slow.
const BURST: Duration = Duration::from_secs(1);

/// How much a bucket that is too empty gathers before it gives again: a
/// twentieth of a second's worth, so that bytes come in pieces worth a call.
const GATHERED: Duration = Duration::from_millis(50);

/// A bucket that fills with so many bytes a second, up to [`BURST`].
///
/// It keeps one moment, when it will be full: what it lacks now is what flows in
/// until then. So no time is lost by rounding, however often it is asked.
#[derive(Debug)]
pub(super) struct TokenBucket {
    bytes_per_second: u64,
    full_at: Option<Instant>,
    /// It had too little: it gives nothing before this.
    closed_until: Option<Instant>,
}

impl TokenBucket {
    /// A full bucket. At least a byte a second.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            full_at: None,
            closed_until: None,
        }
    }

    /// How many bytes of so many may pass now. None, for a while, where it has
    /// neither all of them nor a piece worth a call.
    pub(super) fn admit(&mut self, now: Instant, wanted: usize) -> usize {
        if self.closed_until.is_some_and(|until| now < until) {
            return 0;
        }
        self.closed_until = None;
        let level = self.bytes_in(BURST).saturating_sub(self.lacking(now));
        let wanted_bytes = u64::try_from(wanted).unwrap_or(u64::MAX);
        let still_to_come = BURST.saturating_sub(GATHERED);
        let gathered = self
            .bytes_in(BURST)
            .saturating_sub(self.bytes_in(still_to_come));
        if level >= wanted_bytes.min(gathered) {
            return usize::try_from(level).unwrap_or(usize::MAX).min(wanted);
        }
        let gathered_at = self
            .full_at
            .and_then(|full| full.checked_sub(still_to_come));
        self.closed_until = gathered_at.map(|until| until.max(now));
        0
    }

    /// Notes that bytes passed: at most as many as were admitted.
    pub(super) fn take(&mut self, now: Instant, bytes: usize) {
        let nanoseconds = u128::try_from(bytes)
            .unwrap_or(u128::MAX)
            .saturating_mul(BURST.as_nanos())
            .div_ceil(u128::from(self.bytes_per_second));
        let cost = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let start = self.full_at.map_or(now, |full| full.max(now));
        self.full_at = start.checked_add(cost).or(self.full_at);
    }

    /// When a bucket that had too little gives again. `None` from that moment
    /// on, whether it has been asked since or not: who waits for it wakes once.
    pub(super) fn opens_at(&self, now: Instant) -> Option<Instant> {
        self.closed_until.filter(|until| now < *until)
    }

    /// What flows in until it is full, rounded up.
    fn lacking(&self, now: Instant) -> u64 {
        let time = self
            .full_at
            .map_or(Duration::ZERO, |full| full.saturating_duration_since(now));
        self.bytes_in(time)
    }

    fn bytes_in(&self, time: Duration) -> u64 {
        let bytes = u128::from(self.bytes_per_second)
            .saturating_mul(time.as_nanos())
            .div_ceil(BURST.as_nanos().max(1));
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
#[path = "token_bucket_tests.rs"]
mod tests;
