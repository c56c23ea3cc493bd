//! Bytes that wait: for the guest to give buffers, or, on a console, for the
//! plugin to take them.

use std::collections::VecDeque;

/// A queue of bytes, first in, first out, that never holds more than its
/// limit.
#[derive(Debug)]
pub(super) struct ByteQueue {
    bytes: VecDeque<u8>,
    limit: usize,
}

impl ByteQueue {
    /// An empty queue for at most `limit` bytes. It costs memory from the
    /// first byte on only.
    pub(super) fn new(limit: u64) -> Self {
        Self {
            bytes: VecDeque::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// How many more bytes fit.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    /// Takes as many bytes as there is room for, from the first on, and tells
    /// how many.
    pub(super) fn fill(&mut self, data: &[u8]) -> usize {
        let (taken, _) = data.split_at(self.room().min(data.len()));
        self.bytes.extend(taken);
        taken.len()
    }

    /// The oldest bytes, in one piece: not necessarily all of them.
    pub(super) fn front(&self) -> &[u8] {
        self.bytes.as_slices().0
    }

    /// Forgets the oldest `count` bytes; the memory goes with the last one.
    pub(super) fn consume(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        if self.bytes.is_empty() {
            self.bytes = VecDeque::new();
        }
    }

    /// Moves the oldest bytes out, as many as fit, and tells how many.
    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        let mut taken = 0;
        while !self.is_empty() && taken < into.len() {
            let into = into.get_mut(taken..).unwrap_or_default();
            let count = self.front().len().min(into.len());
            if let (Some(into), Some(front)) = (into.get_mut(..count), self.front().get(..count)) {
                into.copy_from_slice(front);
            }
            self.consume(count);
            taken = taken.saturating_add(count);
        }
        taken
    }

    /// Forgets everything and tells how many bytes that were.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.bytes).len()
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
#[path = "byte_queue_tests.rs"]
mod tests;
