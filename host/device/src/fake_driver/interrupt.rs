//! Used-buffer notifications, as the fake guest gets them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Interrupt;

/// Counts notifications.
#[derive(Debug, Default)]
pub struct InterruptCounter(AtomicU64);

impl InterruptCounter {
    /// How many came so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Interrupt for InterruptCounter {
    fn signal(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
