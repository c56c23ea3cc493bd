//! What a bus knows of a virtqueue, and the checks that make it a ring.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use virtio_queue::{Queue, QueueT};
use vm_memory::{Address, GuestAddress, GuestAddressSpace, GuestMemory, Permissions};

use super::{Ring, RingFault, RingIndex, RingPart};
use crate::{Interrupt, Memory, MemoryView};

/// What a bus knows of a virtqueue, not checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSpec {
    /// The queue's size in descriptors.
    pub size: u16,
    /// The descriptor table.
    pub descriptors: GuestAddress,
    /// The available ring.
    pub available: GuestAddress,
    /// The used ring.
    pub used: GuestAddress,
    /// The first chain that the device has not completed: 0 for a new queue.
    pub next_available: u16,
    /// The place of the next completion. `None` reads it from the used ring:
    /// right for a device that completes all chains in order, as this one does.
    pub next_used: Option<u16>,
    /// Whether the driver negotiated `EVENT_IDX`.
    pub event_idx: bool,
}

impl QueueSpec {
    /// Checks the queue and makes it one that can be used.
    ///
    /// # Errors
    ///
    /// [`RingFault::Size`], [`RingFault::Misaligned`] and
    /// [`RingFault::OutsideMemory`].
    pub fn activate(
        self,
        memory: Memory,
        interrupt: Arc<dyn Interrupt>,
    ) -> Result<Ring, RingFault> {
        let mut queue = Queue::new(self.size).map_err(|_| RingFault::Size(self.size))?;
        queue
            .try_set_desc_table_address(self.descriptors)
            .map_err(|_| self.misaligned(RingPart::Descriptors))?;
        queue
            .try_set_avail_ring_address(self.available)
            .map_err(|_| self.misaligned(RingPart::Available))?;
        queue
            .try_set_used_ring_address(self.used)
            .map_err(|_| self.misaligned(RingPart::Used))?;
        queue.set_event_idx(self.event_idx);
        queue.set_ready(true);

        let view = memory.memory();
        self.check_ranges(&view)?;
        let next_used = match self.next_used {
            Some(index) => index,
            None => {
                let index = queue.used_idx(&*view, Ordering::Acquire);
                index.map_err(|_| self.outside_memory(RingPart::Used))?.0
            }
        };
        queue.set_next_avail(self.next_available);
        queue.set_next_used(next_used);

        Ok(Ring {
            memory,
            queue,
            spec: self,
            interrupt,
            taken: 0,
            seen: RingIndex(self.next_available),
            to_notify: false,
            fault: None,
            spare: Vec::new(),
        })
    }

    /// VIRTIO 1.2, section 2.7: the sizes of a virtqueue's parts.
    fn check_ranges(&self, memory: &MemoryView) -> Result<(), RingFault> {
        let size = usize::from(self.size);
        let parts = [
            (RingPart::Descriptors, size.saturating_mul(16)),
            (
                RingPart::Available,
                size.saturating_mul(2).saturating_add(6),
            ),
            (RingPart::Used, size.saturating_mul(8).saturating_add(6)),
        ];
        for (part, bytes) in parts {
            if !memory.check_range(self.address(part), bytes, Permissions::ReadWrite) {
                return Err(self.outside_memory(part));
            }
        }
        Ok(())
    }

    fn address(&self, part: RingPart) -> GuestAddress {
        match part {
            RingPart::Descriptors => self.descriptors,
            RingPart::Available => self.available,
            RingPart::Used => self.used,
        }
    }

    fn misaligned(&self, part: RingPart) -> RingFault {
        let address = self.address(part).raw_value();
        RingFault::Misaligned { part, address }
    }

    pub(super) fn outside_memory(&self, part: RingPart) -> RingFault {
        let address = self.address(part).raw_value();
        RingFault::OutsideMemory { part, address }
    }
}
