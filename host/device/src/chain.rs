//! One descriptor chain: checked when it is taken, then read or written.
//!
//! A chain is walked once, from its head to its end; what is wrong with it has
//! a name, so that a malformed chain is never taken for the end of a ring
//! (VIRTIO 1.2, section 2.7.5). virtio-queue's own iterator has one answer for
//! both, so only its descriptors are used here. `buffers` moves the bytes.

mod buffers;

use virtio_queue::desc::split::Descriptor;
use vm_memory::{Address, Bytes, GuestAddress, GuestMemory, Permissions};

use crate::MemoryView;

pub(crate) use buffers::{Completion, ReadableChain, WritableChain};

/// The most descriptors that a chain may have, as in QEMU; so any driver that
/// works there fits. Linux's console uses one, and Windows' at most 130.
pub const MAX_CHAIN_DESCRIPTORS: usize = 1024;

/// The size of a descriptor, in bytes.
const DESCRIPTOR_BYTES: u32 = 16;

/// What is wrong with a chain (guest's fault).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// A descriptor's number is past the end of its table.
    #[error("descriptor {index} of a table of {length}")]
    IndexPastTable {
        /// The descriptor's number.
        index: u16,
        /// How many descriptors the table has.
        length: u32,
    },
    /// A descriptor table, or a part of it, is not in guest memory.
    #[error("a descriptor at {address:#x}, where the guest has no memory")]
    TableOutsideMemory {
        /// The descriptor's guest address.
        address: u64,
    },
    /// More descriptors than the table has: they go round in a circle.
    #[error("descriptors that go round in a circle")]
    Looped,
    /// More than [`MAX_CHAIN_DESCRIPTORS`].
    #[error("more than {MAX_CHAIN_DESCRIPTORS} descriptors")]
    TooManyDescriptors,
    /// An indirect descriptor in an indirect table.
    #[error("an indirect table within an indirect table")]
    NestedIndirect,
    /// A descriptor that is indirect and has a next one.
    #[error("an indirect descriptor that is not the last one")]
    IndirectWithNext,
    /// An indirect table that is empty, or not a whole number of descriptors.
    #[error("an indirect table of {length} bytes")]
    IndirectTableLength {
        /// The table's length in bytes.
        length: u32,
    },
    /// Buffers of 2^32 bytes or more altogether.
    #[error("buffers of 4 GiB and more")]
    TooLong,
    /// A buffer for the device to read, after one for it to write.
    #[error("a readable buffer after a writable one")]
    ReadableAfterWritable,
    /// A buffer, or a part of it, is not in guest memory.
    #[error("a buffer of {length} bytes at {address:#x}, where the guest has no memory")]
    BufferOutsideMemory {
        /// The buffer's guest address.
        address: u64,
        /// The buffer's length in bytes.
        length: u32,
    },
}

/// A piece of guest memory, never empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    address: GuestAddress,
    length: u32,
}

impl Segment {
    fn outside_memory(self) -> ChainFault {
        ChainFault::BufferOutsideMemory {
            address: self.address.raw_value(),
            length: self.length,
        }
    }

    /// As many bytes as fit both this and a buffer of `room` bytes.
    fn fit(self, room: usize) -> usize {
        usize::try_from(self.length).map_or(room, |length| length.min(room))
    }
}

/// A descriptor table: a ring's own, or an indirect one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    /// Where it begins.
    pub(crate) address: GuestAddress,
    /// How many descriptors it has.
    pub(crate) length: u32,
}

impl Table {
    fn indirect(descriptor: &Descriptor) -> Result<Self, ChainFault> {
        let length = descriptor.len();
        if length == 0 || !length.is_multiple_of(DESCRIPTOR_BYTES) {
            return Err(ChainFault::IndirectTableLength { length });
        }
        Ok(Self {
            address: descriptor.addr(),
            length: length / DESCRIPTOR_BYTES,
        })
    }

    fn read(self, memory: &MemoryView, index: u16) -> Result<Descriptor, ChainFault> {
        let length = self.length;
        if u32::from(index) >= length {
            return Err(ChainFault::IndexPastTable { index, length });
        }
        let offset = u64::from(index).saturating_mul(u64::from(DESCRIPTOR_BYTES));
        let descriptor = self.address.checked_add(offset);
        descriptor
            .and_then(|address| memory.read_obj(address).ok())
            .ok_or(ChainFault::TableOutsideMemory {
                address: self.address.raw_value().saturating_add(offset),
            })
    }
}

/// Whose buffers of a chain are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Those that the device reads.
    Readable,
    /// Those that the device writes.
    Writable,
}

/// Walks a chain from its head to its end, checks all of it, and puts the
/// buffers of one direction into `segments` (those of the other are allowed,
/// and of no use to a console). Empty buffers are left out.
pub(crate) fn walk(
    memory: &MemoryView,
    ring_table: Table,
    head: u16,
    wanted: Direction,
    segments: &mut Vec<Segment>,
) -> Result<(), ChainFault> {
    segments.clear();
    let mut table = ring_table;
    let mut index = head;
    let mut left_in_table = table.length;
    let mut left_in_chain = MAX_CHAIN_DESCRIPTORS;
    let mut in_indirect = false;
    let mut writable_seen = false;
    let mut total_bytes: u32 = 0;

    loop {
        let descriptor = table.read(memory, index)?;
        if descriptor.refers_to_indirect_table() {
            if in_indirect {
                return Err(ChainFault::NestedIndirect);
            }
            if descriptor.has_next() {
                return Err(ChainFault::IndirectWithNext);
            }
            table = Table::indirect(&descriptor)?;
            (index, left_in_table, in_indirect) = (0, table.length, true);
            continue;
        }
        left_in_table = left_in_table.checked_sub(1).ok_or(ChainFault::Looped)?;
        let left = left_in_chain.checked_sub(1);
        left_in_chain = left.ok_or(ChainFault::TooManyDescriptors)?;

        let direction = direction_of(&descriptor);
        if writable_seen && direction == Direction::Readable {
            return Err(ChainFault::ReadableAfterWritable);
        }
        writable_seen = direction == Direction::Writable;

        if let Some(segment) = checked_segment(memory, &descriptor)? {
            let longer = total_bytes.checked_add(segment.length);
            total_bytes = longer.ok_or(ChainFault::TooLong)?;
            if direction == wanted {
                segments.push(segment);
            }
        }

        if !descriptor.has_next() {
            return Ok(());
        }
        index = descriptor.next();
    }
}

fn direction_of(descriptor: &Descriptor) -> Direction {
    match descriptor.is_write_only() {
        true => Direction::Writable,
        false => Direction::Readable,
    }
}

fn checked_segment(
    memory: &MemoryView,
    descriptor: &Descriptor,
) -> Result<Option<Segment>, ChainFault> {
    let segment = Segment {
        address: descriptor.addr(),
        length: descriptor.len(),
    };
    if segment.length == 0 {
        return Ok(None);
    }
    let length = segment.fit(usize::MAX);
    match memory.check_range(segment.address, length, Permissions::ReadWrite) {
        true => Ok(Some(segment)),
        false => Err(segment.outside_memory()),
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
