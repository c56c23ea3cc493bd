//! Bytes copied out of the guest's ring that the plugin has not taken yet.

use std::cell::Cell;

/// What an inbox holds at most, in bytes: what one `on-data` brings at most.
/// Larger batches gain nothing measurable over the cost of a call.
pub(super) const INBOX_SIZE: usize = 64 * 1024;

thread_local! {
    /// A buffer that no inbox holds now. Ports of one thread fill the same one
    /// in turn, so it stays in the processor's cache however many they are.
    static SPARE: Cell<Box<[u8]>> = Cell::default();
}

/// Bytes that are taken from their front. It has a buffer only while bytes
/// wait: an idle port has none.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    buffer: Box<[u8]>,
    taken: usize,
    filled: usize,
}

impl Inbox {
    /// Whether every byte has been taken.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.filled
    }

    /// The bytes that wait.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.taken..self.filled).unwrap_or_default()
    }

    /// Replaces what an inbox held by what `fill` brings; it tells how many
    /// bytes that is. What else the buffer holds may be another port's.
    pub(super) fn refill(&mut self, fill: impl FnOnce(&mut [u8]) -> usize) {
        if self.buffer.is_empty() {
            self.buffer = SPARE.take();
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; INBOX_SIZE].into_boxed_slice();
        }
        self.taken = 0;
        self.filled = fill(&mut self.buffer).min(self.buffer.len());
        self.spare_if_empty();
    }

    /// Notes that the plugin took `count` bytes.
    pub(super) fn take(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(count).min(self.filled);
        self.spare_if_empty();
    }

    /// Forgets all that waits and tells how many bytes that were.
    pub(super) fn clear(&mut self) -> usize {
        let count = self.bytes().len();
        self.take(count);
        count
    }

    fn spare_if_empty(&mut self) {
        if self.is_empty() && !self.buffer.is_empty() {
            SPARE.set(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
