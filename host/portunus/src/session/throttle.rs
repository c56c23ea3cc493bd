//! One direction of a port's bytes, at its rate where it has one.

use std::time::Instant;

use super::token_bucket::TokenBucket;

/// Admits bytes. Where there is no rate it costs no look at the clock.
#[derive(Debug)]
pub(super) struct Throttle(Option<TokenBucket>);

impl Throttle {
    /// A direction with this rate, or without one.
    pub(super) fn new(bytes_per_second: Option<u64>) -> Self {
        Self(bytes_per_second.map(TokenBucket::new))
    }

    /// How many bytes of so many may pass now.
    pub(super) fn admit(&mut self, wanted: usize) -> usize {
        match &mut self.0 {
            Some(bucket) => bucket.admit(Instant::now(), wanted),
            None => wanted,
        }
    }

    /// Notes that bytes passed.
    pub(super) fn passed(&mut self, bytes: usize) {
        if let Some(bucket) = &mut self.0 {
            bucket.take(Instant::now(), bytes);
        }
    }

    /// Where bytes must wait: until when.
    pub(super) fn opens_at(&self) -> Option<Instant> {
        let bucket = self.0.as_ref()?;
        bucket.opens_at(Instant::now())
    }
}
