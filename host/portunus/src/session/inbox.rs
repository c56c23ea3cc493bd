//! Bytes copied out of the guest's ring that the plugin has not taken yet.

/// What an inbox holds at most, in bytes: what one `on-data` brings at most.
/// Larger batches gain nothing measurable over the cost of a call.
pub(super) const INBOX_SIZE: usize = 64 * 1024;

/// A buffer that is filled when it is empty and emptied from its front. It
/// costs memory from the first byte on only.
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
    /// bytes that is.
    pub(super) fn refill(&mut self, fill: impl FnOnce(&mut [u8]) -> usize) {
        if self.buffer.is_empty() {
            self.buffer = vec![0; INBOX_SIZE].into_boxed_slice();
        }
        self.taken = 0;
        self.filled = fill(&mut self.buffer).min(self.buffer.len());
    }

    /// Notes that the plugin took `count` bytes.
    pub(super) fn take(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(count).min(self.filled);
    }

    /// Forgets all that waits and tells how many bytes that were.
    pub(super) fn clear(&mut self) -> usize {
        let count = self.bytes().len();
        self.taken = self.filled;
        count
    }
}
