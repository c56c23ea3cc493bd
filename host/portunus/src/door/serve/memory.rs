//! A front end's memory table: the guest's memory, mapped, and the front end's
//! addresses of it.

use std::fs::File;

use portunus_device::Memory;
use vhost::vhost_user::message::VhostUserMemoryRegion;
use vm_memory::{FileOffset, GuestAddress, GuestMemoryMmap, GuestRegionMmap, MmapRegion};

/// How many regions a table may have: what front ends in the field ask for at
/// most (QEMU's memory slots).
pub(in crate::door) const REGIONS_LIMIT: usize = 509;

/// Why a memory table was refused: always the front end's fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryFault {
    /// A region could not be mapped.
    #[error("a memory region of {size} bytes at {guest_address:#x} cannot be mapped: {cause}")]
    Mapping {
        /// Where the guest has it.
        guest_address: u64,
        /// Its size in bytes.
        size: u64,
        /// What the system says.
        cause: String,
    },
    /// Two regions overlap, or are out of order.
    #[error("the memory regions do not fit together: {0}")]
    Layout(String),
    /// More regions than [`REGIONS_LIMIT`].
    #[error("more than {REGIONS_LIMIT} memory regions")]
    TooMany,
    /// A region to be removed is not there.
    #[error("no memory region of {size} bytes at {guest_address:#x}")]
    Absent {
        /// Where the guest would have it.
        guest_address: u64,
        /// Its size in bytes.
        size: u64,
    },
}

/// The regions as the front end numbers them.
#[derive(Debug)]
pub(super) struct MemoryTable {
    memory: Memory,
    regions: Vec<Region>,
}

#[derive(Debug, Clone, Copy)]
struct Region {
    front_end_address: u64,
    guest_address: u64,
    size: u64,
}

impl MemoryTable {
    /// A table without regions.
    pub(super) fn new() -> Self {
        Self {
            memory: Memory::new(GuestMemoryMmap::new()),
            regions: Vec::new(),
        }
    }

    /// The guest's memory: rings see each change of the table.
    pub(super) fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// Replaces the whole table.
    pub(super) fn replace(
        &mut self,
        regions: &[VhostUserMemoryRegion],
        files: Vec<File>,
    ) -> Result<(), MemoryFault> {
        if regions.len() > REGIONS_LIMIT {
            return Err(MemoryFault::TooMany);
        }
        let mut mapped = Vec::with_capacity(regions.len());
        for (region, file) in regions.iter().zip(files) {
            mapped.push(map(region, file)?);
        }
        mapped.sort_by_key(vm_memory::GuestMemoryRegion::start_addr);
        let map = GuestMemoryMmap::from_regions(mapped)
            .map_err(|error| MemoryFault::Layout(error.to_string()))?;
        self.publish(map);
        self.regions = regions.iter().map(Region::from).collect();
        Ok(())
    }

    /// Adds one region.
    pub(super) fn add(
        &mut self,
        region: &VhostUserMemoryRegion,
        file: File,
    ) -> Result<(), MemoryFault> {
        if self.regions.len() >= REGIONS_LIMIT {
            return Err(MemoryFault::TooMany);
        }
        let map = current(&self.memory)
            .insert_region(std::sync::Arc::new(map(region, file)?))
            .map_err(|error| MemoryFault::Layout(error.to_string()))?;
        self.publish(map);
        self.regions.push(Region::from(region));
        Ok(())
    }

    /// Removes one region.
    pub(super) fn remove(&mut self, region: &VhostUserMemoryRegion) -> Result<(), MemoryFault> {
        let (guest_address, size) = (region.guest_phys_addr, region.memory_size);
        let (map, _removed) = current(&self.memory)
            .remove_region(GuestAddress(guest_address), size)
            .map_err(|_absent| MemoryFault::Absent {
                guest_address,
                size,
            })?;
        self.publish(map);
        self.regions
            .retain(|known| known.guest_address != guest_address);
        Ok(())
    }

    fn publish(&self, map: GuestMemoryMmap) {
        let exclusive = self
            .memory
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        exclusive.replace(map);
    }

    /// Where the guest has what the front end calls `address`.
    pub(super) fn guest_address(&self, address: u64) -> Option<GuestAddress> {
        self.regions.iter().find_map(|region| {
            let offset = address.checked_sub(region.front_end_address)?;
            let inside = offset < region.size;
            inside
                .then(|| region.guest_address.checked_add(offset).map(GuestAddress))
                .flatten()
        })
    }
}

impl From<&VhostUserMemoryRegion> for Region {
    fn from(region: &VhostUserMemoryRegion) -> Self {
        Self {
            front_end_address: region.user_addr,
            guest_address: region.guest_phys_addr,
            size: region.memory_size,
        }
    }
}

fn current(memory: &Memory) -> GuestMemoryMmap {
    use vm_memory::GuestAddressSpace;
    GuestMemoryMmap::clone(&memory.memory())
}

/// Maps one region. A file shorter than it is refused: touching the rest would
/// end us.
fn map(region: &VhostUserMemoryRegion, file: File) -> Result<GuestRegionMmap, MemoryFault> {
    let (guest_address, size) = (region.guest_phys_addr, region.memory_size);
    let refuse = |cause: String| MemoryFault::Mapping {
        guest_address,
        size,
        cause,
    };
    let length = usize::try_from(size).map_err(|error| refuse(error.to_string()))?;
    let mapping = MmapRegion::from_file(FileOffset::new(file, region.mmap_offset), length)
        .map_err(|error| refuse(error.to_string()))?;
    GuestRegionMmap::new(mapping, GuestAddress(guest_address))
        .ok_or_else(|| refuse("it wraps around the end of the address space".to_owned()))
}
