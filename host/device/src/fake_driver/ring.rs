//! The driver's side of one virtqueue (VIRTIO 1.2, sections 2.7.13 and 2.7.14).

use std::sync::atomic::{Ordering, fence};

use virtio_bindings::virtio_ring::{VRING_AVAIL_F_NO_INTERRUPT, VRING_USED_F_NO_NOTIFY};
use virtio_queue::desc::split::Descriptor;
use vm_memory::{Address, Bytes, GuestAddress, GuestAddressSpace};

use super::{FakeDriverError, GuestRam};
use crate::Memory;
use crate::ring::QueueSpec;

type Result<T> = std::result::Result<T, FakeDriverError>;

/// A descriptor, with nothing checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RawDescriptor {
    /// The buffer's guest address.
    pub address: u64,
    /// The buffer's length in bytes.
    pub length: u32,
    /// [`Self::NEXT`], [`Self::WRITE`] and [`Self::INDIRECT`].
    pub flags: u16,
    /// The next descriptor's number, where the flags say so.
    pub next: u16,
}

impl RawDescriptor {
    /// The chain goes on at `next`.
    pub const NEXT: u16 = 1;
    /// The buffer is for the device to write.
    pub const WRITE: u16 = 2;
    /// The buffer is a table of descriptors.
    pub const INDIRECT: u16 = 4;
}

/// A buffer that a driver offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer {
    /// Where it is.
    pub address: GuestAddress,
    /// Its length in bytes.
    pub length: u32,
    /// Whether the device writes it, and does not read it.
    pub writable: bool,
}

/// A chain that the device has completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// The chain's first descriptor, as the device gave it.
    pub head: u32,
    /// How many bytes the device says it wrote.
    pub written: u32,
}

/// The driver's side of a virtqueue.
pub struct DriverRing {
    memory: Memory,
    spec: QueueSpec,
    free: Vec<u16>,
    /// For each first descriptor in use, the chain's others.
    chains: Vec<Vec<u16>>,
    /// Where the next chain goes in the available ring.
    next_available: u16,
    /// What [`Self::wants_kick`] saw the last time.
    kicked_at: u16,
    last_used: u16,
}

impl DriverRing {
    /// A new, empty queue in the guest's memory. `size` is a power of two.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::OutOfMemory`].
    pub fn new(ram: &mut GuestRam, size: u16, event_idx: bool) -> Result<Self> {
        let length = u64::from(size);
        let spec = QueueSpec {
            size,
            descriptors: ram.allocate(length.saturating_mul(16), 16)?,
            available: ram.allocate(length.saturating_mul(2).saturating_add(6), 2)?,
            used: ram.allocate(length.saturating_mul(8).saturating_add(6), 4)?,
            next_available: 0,
            next_used: Some(0),
            event_idx,
        };
        let mut ring = Self {
            memory: ram.memory(),
            spec,
            free: Vec::new(),
            chains: Vec::new(),
            next_available: 0,
            kicked_at: 0,
            last_used: 0,
        };
        ring.reset()?;
        Ok(ring)
    }

    /// The queue, as a bus tells a device of it.
    pub fn spec(&self) -> QueueSpec {
        self.spec
    }

    /// Empties the queue, as a driver does after it has reset its device.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn reset(&mut self) -> Result<()> {
        self.free = (0..self.spec.size).rev().collect();
        self.chains = vec![Vec::new(); usize::from(self.spec.size)];
        self.next_available = 0;
        self.kicked_at = 0;
        self.last_used = 0;
        self.store(self.spec.available, 0, 0)?;
        self.store(self.spec.available, 2, 0)?;
        self.store(self.spec.used, 0, 0)?;
        self.store(self.spec.used, 2, 0)?;
        self.store(self.spec.available, self.after_available(), 0)?;
        self.store(self.spec.used, self.after_used(), 0)
    }

    /// The memory that the queue is in.
    pub fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// The descriptor that the next chain will begin with.
    pub fn next_free(&self) -> Option<u16> {
        self.free.last().copied()
    }

    /// How many descriptors are free.
    pub fn free_descriptors(&self) -> usize {
        self.free.len()
    }

    /// Makes a chain of these buffers and puts it into the available ring; the
    /// device sees it after [`Self::publish`]. Returns its first descriptor.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::QueueFull`]: too few descriptors are free.
    pub fn offer(&mut self, buffers: &[Buffer]) -> Result<u16> {
        let first_free = self.free.len().checked_sub(buffers.len());
        let first_free = first_free.ok_or(FakeDriverError::QueueFull)?;
        let mut indices = self.free.split_off(first_free);
        indices.reverse();
        let nexts = indices.iter().copied().skip(1).map(Some).chain([None]);
        for ((index, next), buffer) in indices.iter().zip(nexts).zip(buffers) {
            self.write_descriptor(*index, link(*buffer, next))?;
        }
        let head = *indices.first().ok_or(FakeDriverError::QueueFull)?;
        if let Some(chain) = self.chains.get_mut(usize::from(head)) {
            *chain = indices;
        }
        self.offer_head(head)?;
        Ok(head)
    }

    /// As [`Self::offer`], with one descriptor that points to a table at
    /// `table`, which has room for 16 bytes a buffer.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::QueueFull`].
    pub fn offer_indirect(&mut self, table: GuestAddress, buffers: &[Buffer]) -> Result<u16> {
        let count = u16::try_from(buffers.len()).map_err(|_| FakeDriverError::QueueFull)?;
        let nexts = (1..count).map(Some).chain([None]);
        for ((index, next), buffer) in (0..count).zip(nexts).zip(buffers) {
            self.write_table(table, index, link(*buffer, next))?;
        }
        let head = self.free.pop().ok_or(FakeDriverError::QueueFull)?;
        let descriptor = RawDescriptor {
            address: table.raw_value(),
            length: u32::from(count).saturating_mul(16),
            flags: RawDescriptor::INDIRECT,
            next: 0,
        };
        self.write_descriptor(head, descriptor)?;
        if let Some(chain) = self.chains.get_mut(usize::from(head)) {
            *chain = vec![head];
        }
        self.offer_head(head)?;
        Ok(head)
    }

    /// Puts any number at all into the available ring.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn offer_head(&mut self, head: u16) -> Result<()> {
        let slot = self.next_available.checked_rem(self.spec.size);
        let offset = u64::from(slot.unwrap_or(0)).saturating_mul(2);
        self.store(self.spec.available, offset.saturating_add(4), head)?;
        self.next_available = self.next_available.wrapping_add(1);
        Ok(())
    }

    /// Writes any descriptor at all into the ring's table.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn write_descriptor(&self, index: u16, descriptor: RawDescriptor) -> Result<()> {
        self.write_table(self.spec.descriptors, index, descriptor)
    }

    /// Writes any descriptor at all into a table at `table`.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn write_table(
        &self,
        table: GuestAddress,
        index: u16,
        descriptor: RawDescriptor,
    ) -> Result<()> {
        let RawDescriptor {
            address,
            length,
            flags,
            next,
        } = descriptor;
        let place = table.unchecked_add(u64::from(index).saturating_mul(16));
        let memory = self.memory.memory();
        memory.write_obj(Descriptor::new(address, length, flags, next), place)?;
        Ok(())
    }

    /// Shows the device all chains that were offered.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn publish(&mut self) -> Result<()> {
        self.store(self.spec.available, 2, self.next_available)
    }

    /// Writes any available index at all, and goes on from there.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn set_available_index(&mut self, index: u16) -> Result<()> {
        self.next_available = index;
        self.publish()
    }

    /// Whether the device asked to be kicked for what was published since the
    /// last call.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn wants_kick(&mut self) -> Result<bool> {
        fence(Ordering::SeqCst);
        let before = std::mem::replace(&mut self.kicked_at, self.next_available);
        let published = self.next_available.wrapping_sub(before);
        if published == 0 {
            return Ok(false);
        }
        if !self.spec.event_idx {
            let flags = u32::from(self.load(self.spec.used, 0)?);
            return Ok(flags & VRING_USED_F_NO_NOTIFY == 0);
        }
        let event = self.load(self.spec.used, self.after_used())?;
        let since_event = self.next_available.wrapping_sub(event).wrapping_sub(1);
        Ok(since_event < published)
    }

    /// Takes the next completed chain, and frees its descriptors.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn collect(&mut self) -> Result<Option<Used>> {
        if self.used_index()? == self.last_used {
            return Ok(None);
        }
        let slot = self.last_used.checked_rem(self.spec.size).unwrap_or(0);
        let offset = u64::from(slot).saturating_mul(8).saturating_add(4);
        let place = self.spec.used.unchecked_add(offset);
        let memory = self.memory.memory();
        let used = Used {
            head: u32::from_le(memory.read_obj(place)?),
            written: u32::from_le(memory.read_obj(place.unchecked_add(4))?),
        };
        self.last_used = self.last_used.wrapping_add(1);
        let head = usize::try_from(used.head).unwrap_or(usize::MAX);
        if let Some(chain) = self.chains.get_mut(head) {
            self.free.extend(std::mem::take(chain).iter().rev());
        }
        Ok(Some(used))
    }

    /// The device's used index: how many chains it has completed.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn used_index(&self) -> Result<u16> {
        self.load(self.spec.used, 2)
    }

    /// Asks for an interrupt at the next chain that is completed, then looks
    /// once more: true where one was not collected yet.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn enable_interrupts(&mut self) -> Result<bool> {
        let completed = self.used_index()?;
        match self.spec.event_idx {
            true => self.store(self.spec.available, self.after_available(), completed)?,
            false => self.store(self.spec.available, 0, 0)?,
        }
        fence(Ordering::SeqCst);
        Ok(self.used_index()? != self.last_used)
    }

    /// Asks for no interrupts.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn disable_interrupts(&mut self) -> Result<()> {
        /// A place in the ring that is not reached for as long as can be.
        const FAR_AHEAD: u16 = 0x8000;
        if self.spec.event_idx {
            let far = self.last_used.wrapping_add(FAR_AHEAD);
            return self.store(self.spec.available, self.after_available(), far);
        }
        let flag = u16::try_from(VRING_AVAIL_F_NO_INTERRUPT).unwrap_or(1);
        self.store(self.spec.available, 0, flag)
    }

    /// Where `used_event` is in the available ring, in bytes.
    fn after_available(&self) -> u64 {
        let entries = u64::from(self.spec.size).saturating_mul(2);
        entries.saturating_add(4)
    }

    /// Where `avail_event` is in the used ring, in bytes.
    fn after_used(&self) -> u64 {
        let entries = u64::from(self.spec.size).saturating_mul(8);
        entries.saturating_add(4)
    }

    fn load(&self, part: GuestAddress, offset: u64) -> Result<u16> {
        let memory = self.memory.memory();
        let value = memory.load(part.unchecked_add(offset), Ordering::Acquire)?;
        Ok(u16::from_le(value))
    }

    fn store(&self, part: GuestAddress, offset: u64, value: u16) -> Result<()> {
        let memory = self.memory.memory();
        let place = part.unchecked_add(offset);
        Ok(memory.store(value.to_le(), place, Ordering::Release)?)
    }
}

fn link(buffer: Buffer, next: Option<u16>) -> RawDescriptor {
    let write = match buffer.writable {
        true => RawDescriptor::WRITE,
        false => 0,
    };
    let more = match next {
        Some(_) => RawDescriptor::NEXT,
        None => 0,
    };
    RawDescriptor {
        address: buffer.address.raw_value(),
        length: buffer.length,
        flags: write | more,
        next: next.unwrap_or(0),
    }
}
