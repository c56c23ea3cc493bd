//! Guest memory for the fake driver.

use std::fs::File;
use std::io;
use std::sync::{Arc, PoisonError};

use rustix::fs::{MemfdFlags, memfd_create};
use vm_memory::{Address, FileOffset, GuestAddress, GuestMemoryMmap};

use super::FakeDriverError;
use crate::Memory;

/// Where guest memory lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// In this process alone.
    Anonymous,
    /// In a memfd, which can be handed to another process.
    Shared,
}

/// A piece of guest memory, as a vhost-user memory table lists it.
#[derive(Debug, Clone)]
pub struct RamRegion {
    /// Where the guest sees it.
    pub guest_address: GuestAddress,
    /// Its size in bytes.
    pub bytes: usize,
    /// The file that holds it, and the offset in there; none where it is
    /// anonymous.
    pub file: Option<(Arc<File>, u64)>,
}

/// A guest's memory, handed out from the bottom up and never taken back.
pub struct GuestRam {
    memory: Memory,
    regions: Vec<RamRegion>,
    next_free: GuestAddress,
}

impl GuestRam {
    /// Memory of one piece, from the second page on: nothing is at address 0.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Memory`].
    pub fn new(bytes: usize, backing: Backing) -> Result<Self, FakeDriverError> {
        Self::with_regions(&[(GuestAddress(0x1000), bytes)], backing)
    }

    /// Memory of these pieces: (guest address, bytes), each a number of whole
    /// pages, in ascending order.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Memory`].
    pub fn with_regions(
        pieces: &[(GuestAddress, usize)],
        backing: Backing,
    ) -> Result<Self, FakeDriverError> {
        let total: u64 = pieces.iter().map(|(_, bytes)| wide(*bytes)).sum();
        let file = match backing {
            Backing::Anonymous => None,
            Backing::Shared => Some(shared_file(total).map_err(FakeDriverError::Memory)?),
        };
        let mut offset: u64 = 0;
        let mut regions = Vec::new();
        for &(guest_address, bytes) in pieces {
            regions.push(RamRegion {
                guest_address,
                bytes,
                file: file.clone().map(|file| (file, offset)),
            });
            offset = offset.saturating_add(wide(bytes));
        }
        Ok(Self {
            memory: Memory::new(map(&regions)?),
            next_free: pieces.first().map_or(GuestAddress(0), |(start, _)| *start),
            regions,
        })
    }

    /// The memory, as a device is given it.
    pub fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// The pieces, as a vhost-user front end announces them.
    pub fn regions(&self) -> &[RamRegion] {
        &self.regions
    }

    /// Maps shared memory once more and swaps the new mapping in under the
    /// device, as a front end does that sends its memory table again. (Anonymous
    /// memory is empty afterwards.)
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Memory`].
    pub fn remap(&self) -> Result<(), FakeDriverError> {
        self.swap(map(&self.regions)?);
        Ok(())
    }

    /// Swaps this memory in under the device: for memory that is gone.
    pub fn swap(&self, memory: GuestMemoryMmap) {
        let guard = self.memory.lock();
        guard
            .unwrap_or_else(PoisonError::into_inner)
            .replace(memory);
    }

    /// Some memory that was not handed out before, aligned to `alignment` (a
    /// power of two), all of it in one piece.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::OutOfMemory`].
    pub fn allocate(
        &mut self,
        bytes: u64,
        alignment: u64,
    ) -> Result<GuestAddress, FakeDriverError> {
        for region in &self.regions {
            let from = region.guest_address.max(self.next_free);
            let start = from.raw_value().checked_next_multiple_of(alignment);
            let end = start.and_then(|start| start.checked_add(bytes));
            let region_start = region.guest_address.raw_value();
            let region_end = region_start.saturating_add(wide(region.bytes));
            if let (Some(start), Some(end)) = (start, end)
                && end <= region_end
            {
                self.next_free = GuestAddress(end);
                return Ok(GuestAddress(start));
            }
        }
        Err(FakeDriverError::OutOfMemory { bytes })
    }
}

fn shared_file(bytes: u64) -> io::Result<Arc<File>> {
    let file = File::from(memfd_create("fake-guest", MemfdFlags::CLOEXEC)?);
    file.set_len(bytes)?;
    Ok(Arc::new(file))
}

fn map(regions: &[RamRegion]) -> Result<GuestMemoryMmap, FakeDriverError> {
    let ranges = regions.iter().map(|region| {
        let file = region.file.clone();
        let file = file.map(|(file, offset)| FileOffset::from_arc(file, offset));
        (region.guest_address, region.bytes, file)
    });
    GuestMemoryMmap::from_ranges_with_files(ranges)
        .map_err(|error| FakeDriverError::Memory(io::Error::other(error)))
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
