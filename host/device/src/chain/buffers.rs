//! The buffers of a chain that was walked: bytes are copied out of them, or
//! into them, and can go on where the last call stopped.
//!
//! Buffers are guest addresses until the moment that bytes move: memory is
//! looked up anew in each call, and bytes are copied before anyone looks at
//! them. A chain is completed once, by value.

use vm_memory::{Address, Bytes};

use super::{ChainFault, Segment};
use crate::MemoryView;

/// The buffers of a chain, and how far they have been used.
#[derive(Debug)]
struct Buffers {
    segments: Vec<Segment>,
    /// The first segment that is not used up.
    at: usize,
}

impl Buffers {
    fn new(segments: Vec<Segment>) -> Self {
        Self { segments, at: 0 }
    }

    fn current(&self) -> Option<Segment> {
        self.segments.get(self.at).copied()
    }

    fn is_used_up(&self) -> bool {
        self.at >= self.segments.len()
    }

    fn remaining_bytes(&self) -> u64 {
        let left = self.segments.iter().skip(self.at);
        left.map(|segment| u64::from(segment.length)).sum()
    }

    /// `bytes` of the current segment have been used: at most its length.
    fn advance(&mut self, bytes: u32) {
        let Some(segment) = self.segments.get_mut(self.at) else {
            return;
        };
        segment.length = segment.length.saturating_sub(bytes);
        segment.address = segment.address.unchecked_add(u64::from(bytes));
        if segment.length == 0 {
            self.at = self.at.saturating_add(1);
        }
    }
}

/// A chain from which the device reads.
#[derive(Debug)]
#[must_use = "a chain must be completed, or the guest waits for it"]
pub(crate) struct ReadableChain {
    head: u16,
    buffers: Buffers,
}

impl ReadableChain {
    pub(crate) fn new(head: u16, segments: Vec<Segment>) -> Self {
        let buffers = Buffers::new(segments);
        Self { head, buffers }
    }

    /// The chain's first descriptor.
    pub(crate) fn head(&self) -> u16 {
        self.head
    }

    /// Copies the next bytes, and returns how many: as many as fit, or as many
    /// as are left.
    pub(crate) fn copy_to(
        &mut self,
        memory: &MemoryView,
        into: &mut [u8],
    ) -> Result<usize, ChainFault> {
        let mut rest = into;
        let mut copied: usize = 0;
        while let Some(segment) = self.buffers.current() {
            let length = segment.fit(rest.len());
            let Some((piece, after)) = rest.split_at_mut_checked(length) else {
                break;
            };
            if piece.is_empty() {
                break;
            }
            memory
                .read_slice(piece, segment.address)
                .map_err(|_| segment.outside_memory())?;
            self.buffers.advance(saturating_u32(length));
            copied = copied.saturating_add(length);
            rest = after;
        }
        Ok(copied)
    }

    /// Passes over the next bytes without copying them: at most as many as are
    /// left.
    pub(crate) fn skip(&mut self, bytes: u64) {
        let mut left = bytes;
        while let Some(segment) = self.buffers.current()
            && left > 0
        {
            let step = u32::try_from(left).map_or(segment.length, |n| n.min(segment.length));
            self.buffers.advance(step);
            left = left.saturating_sub(u64::from(step));
        }
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.buffers.is_used_up()
    }

    pub(crate) fn remaining_bytes(&self) -> u64 {
        self.buffers.remaining_bytes()
    }

    /// Done with the chain, however much of it was read.
    pub(crate) fn finish(self) -> Completion {
        Completion {
            head: self.head,
            written: 0,
            spare: self.buffers.segments,
        }
    }
}

/// A chain into which the device writes.
#[derive(Debug)]
#[must_use = "a chain must be completed, or the guest waits for it"]
pub(crate) struct WritableChain {
    head: u16,
    buffers: Buffers,
    written: u32,
}

impl WritableChain {
    pub(crate) fn new(head: u16, segments: Vec<Segment>) -> Self {
        Self {
            head,
            buffers: Buffers::new(segments),
            written: 0,
        }
    }

    /// The chain's first descriptor.
    pub(crate) fn head(&self) -> u16 {
        self.head
    }

    /// Copies bytes into the chain, and returns how many fitted.
    pub(crate) fn copy_from(
        &mut self,
        memory: &MemoryView,
        data: &[u8],
    ) -> Result<usize, ChainFault> {
        let mut rest = data;
        let mut copied: usize = 0;
        while let Some(segment) = self.buffers.current() {
            let length = segment.fit(rest.len());
            let Some((piece, after)) = rest.split_at_checked(length) else {
                break;
            };
            if piece.is_empty() {
                break;
            }
            memory
                .write_slice(piece, segment.address)
                .map_err(|_| segment.outside_memory())?;
            self.buffers.advance(saturating_u32(length));
            self.written = self.written.saturating_add(saturating_u32(length));
            copied = copied.saturating_add(length);
            rest = after;
        }
        Ok(copied)
    }

    pub(crate) fn remaining_bytes(&self) -> u64 {
        self.buffers.remaining_bytes()
    }

    /// Done with the chain: the guest is told how many bytes were written.
    pub(crate) fn finish(self) -> Completion {
        Completion {
            head: self.head,
            written: self.written,
            spare: self.buffers.segments,
        }
    }
}

/// A chain that nobody will touch again, to be handed back by
/// [`crate::ring::Ring::complete`].
#[derive(Debug)]
#[must_use = "a chain must be completed, or the guest waits for it"]
pub(crate) struct Completion {
    /// The chain's first descriptor.
    pub(crate) head: u16,
    /// How many bytes the device wrote.
    pub(crate) written: u32,
    /// The chain's list, for the next chain to use.
    pub(crate) spare: Vec<Segment>,
}

/// A length that came from a `u32` and became no longer.
fn saturating_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
