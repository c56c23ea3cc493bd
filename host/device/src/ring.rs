//! One split virtqueue, from the device's side (VIRTIO 1.2, section 2.7).
//!
//! A [`QueueSpec`] is what a bus knows of a queue; [`QueueSpec::activate`]
//! checks it and makes it a [`Ring`], which takes chains and hands them back,
//! in order. After a guest's fault a ring stays faulted: each later call says
//! the same. Bytes are [`crate::port_queue`]'s business.

mod fault;
mod spec;

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use virtio_bindings::virtio_ring::VRING_AVAIL_F_NO_INTERRUPT;
use virtio_queue::{Queue, QueueT};
use vm_memory::atomic::GuestMemoryLoadGuard;
use vm_memory::{Address, Bytes, GuestAddressSpace};

use crate::chain::{Completion, Direction, ReadableChain, Segment, Table, WritableChain, walk};
use crate::{Interrupt, Memory, MemoryView};

pub use fault::{RingFault, RingPart};
pub use spec::QueueSpec;

/// The largest queue that virtio knows, in descriptors.
pub const MAX_QUEUE_SIZE: u16 = 32_768;

/// A place in a ring: indices count chains, and wrap at 65,536.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RingIndex(pub u16);

impl RingIndex {
    /// How many chains come before `later`, counted from here on.
    pub fn chains_until(self, later: Self) -> u16 {
        later.0.wrapping_sub(self.0)
    }

    /// Whether this comes before `other`, given that they are at most
    /// [`MAX_QUEUE_SIZE`] chains apart.
    pub fn is_before(self, other: Self) -> bool {
        (1..=MAX_QUEUE_SIZE).contains(&self.chains_until(other))
    }
}

/// A virtqueue in use. At most one chain of it is taken at a time, and chains
/// are completed in the order in which the guest made them available.
pub struct Ring {
    memory: Memory,
    queue: Queue,
    spec: QueueSpec,
    interrupt: Arc<dyn Interrupt>,
    /// Chains taken and not completed: 0 or 1.
    taken: u16,
    /// The newest available index that was seen.
    seen: RingIndex,
    /// Whether chains were completed that the driver was not told of.
    to_notify: bool,
    fault: Option<RingFault>,
    /// A list for the next chain's buffers, so that none is allocated.
    spare: Vec<Segment>,
}

impl Ring {
    /// The first chain that is not completed: what a bus must keep to take the
    /// queue up again (`GET_VRING_BASE`). A chain that was begun counts as not
    /// taken.
    pub fn next_available(&self) -> RingIndex {
        RingIndex(self.queue.next_avail().wrapping_sub(self.taken))
    }

    /// The index up to which the guest has published chains.
    ///
    /// # Errors
    ///
    /// [`RingFault`]: the index ran backwards or too far ahead, or an earlier
    /// fault.
    pub fn available_index(&mut self) -> Result<RingIndex, RingFault> {
        let view = self.view()?;
        let available = self.read_available(&view);
        self.latched(available)
    }

    /// Something that reads this ring's available index from elsewhere.
    pub fn probe(&self) -> AvailableProbe {
        AvailableProbe {
            memory: self.memory.clone(),
            spec: self.spec,
        }
    }

    /// Signals the driver if chains were completed since the last call and it
    /// wants to know.
    ///
    /// # Errors
    ///
    /// [`RingFault`]: the ring is not in memory any more, or an earlier fault.
    pub fn notify_if_wanted(&mut self) -> Result<(), RingFault> {
        if !std::mem::take(&mut self.to_notify) {
            return Ok(());
        }
        let view = self.view()?;
        let wanted = self.wants_notification(&view);
        if self.latched(wanted)? {
            self.interrupt.signal();
        }
        Ok(())
    }

    /// Asks the driver for kicks, then looks once more: true where chains wait
    /// (a begun one counts), so that no kick need come for them.
    ///
    /// # Errors
    ///
    /// [`RingFault`], as [`Self::available_index`].
    pub fn arm(&mut self) -> Result<bool, RingFault> {
        let view = self.view()?;
        let armed = self
            .queue
            .enable_notification(&*view)
            .map_err(|_| self.spec.outside_memory(RingPart::Used));
        self.latched(armed)?;
        let available = self.read_available(&view);
        Ok(self.latched(available)? != self.next_available())
    }

    /// Tells the driver that no kicks are needed until [`Self::arm`]. A hint:
    /// some may come all the same.
    ///
    /// # Errors
    ///
    /// [`RingFault`]: the ring is not in memory any more, or an earlier fault.
    pub fn disarm(&mut self) -> Result<(), RingFault> {
        let view = self.view()?;
        let disarmed = self
            .queue
            .disable_notification(&*view)
            .map_err(|_| self.spec.outside_memory(RingPart::Used));
        self.latched(disarmed)
    }

    /// Memory as it is now, for one call's work; or the fault that the ring has
    /// already met.
    pub(crate) fn view(&self) -> Result<GuestMemoryLoadGuard<MemoryView>, RingFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.memory.memory()),
        }
    }

    /// Keeps a fault, so that every later call says the same.
    pub(crate) fn latched<T>(&mut self, result: Result<T, RingFault>) -> Result<T, RingFault> {
        result.inspect_err(|fault| self.fault = Some(*fault))
    }

    /// Takes the next chain to read from. `Ok(None)` is the ring's end.
    pub(crate) fn pop_readable(
        &mut self,
        memory: &MemoryView,
    ) -> Result<Option<ReadableChain>, RingFault> {
        let chain = self.pop(memory, Direction::Readable)?;
        Ok(chain.map(|(head, segments)| ReadableChain::new(head, segments)))
    }

    /// Takes the next chain to write into. `Ok(None)` is the ring's end.
    pub(crate) fn pop_writable(
        &mut self,
        memory: &MemoryView,
    ) -> Result<Option<WritableChain>, RingFault> {
        let chain = self.pop(memory, Direction::Writable)?;
        Ok(chain.map(|(head, segments)| WritableChain::new(head, segments)))
    }

    /// Hands a chain back to the guest.
    pub(crate) fn complete(
        &mut self,
        memory: &MemoryView,
        completion: Completion,
    ) -> Result<(), RingFault> {
        let Completion {
            head,
            written,
            spare,
        } = completion;
        self.spare = spare;
        self.queue
            .add_used(memory, head, written)
            .map_err(|_| self.spec.outside_memory(RingPart::Used))?;
        self.taken = self.taken.saturating_sub(1);
        self.to_notify = true;
        Ok(())
    }

    fn pop(
        &mut self,
        memory: &MemoryView,
        direction: Direction,
    ) -> Result<Option<(u16, Vec<Segment>)>, RingFault> {
        let Some(head) = self.next_head(memory)? else {
            return Ok(None);
        };
        self.taken = self.taken.saturating_add(1);

        let table = Table {
            address: self.spec.descriptors,
            length: u32::from(self.spec.size),
        };
        let mut segments = std::mem::take(&mut self.spare);
        walk(memory, table, head, direction, &mut segments).map_err(RingFault::in_chain(head))?;
        Ok(Some((head, segments)))
    }

    /// The next chain's first descriptor. The guest's index is read again only
    /// where all that it showed before has been taken.
    fn next_head(&mut self, memory: &MemoryView) -> Result<Option<u16>, RingFault> {
        let next = RingIndex(self.queue.next_avail());
        if !next.is_before(self.seen) && !next.is_before(self.read_available(memory)?) {
            return Ok(None);
        }
        let slot = next.0.checked_rem(self.spec.size).unwrap_or(0);
        let offset = u64::from(slot).saturating_mul(2).saturating_add(4);
        let outside = self.spec.outside_memory(RingPart::Available);
        let address = self.spec.available.checked_add(offset).ok_or(outside)?;
        let head: u16 = memory
            .load(address, Ordering::Relaxed)
            .map_err(|_| outside)?;
        self.queue.set_next_avail(next.0.wrapping_add(1));
        Ok(Some(u16::from_le(head)))
    }

    /// The guest's index, checked: it never goes past what the queue can hold,
    /// nor back behind what was taken. Between the two it may go back: what was
    /// not taken can be withdrawn.
    pub(crate) fn read_available(&mut self, memory: &MemoryView) -> Result<RingIndex, RingFault> {
        let index = self.queue.avail_idx(memory, Ordering::Acquire);
        let now = RingIndex(
            index
                .map_err(|_| self.spec.outside_memory(RingPart::Available))?
                .0,
        );
        let ahead = self.next_available().chains_until(now);
        if ahead > self.spec.size {
            let (before, now, size) = (self.seen.0, now.0, self.spec.size);
            let behind = RingIndex(now).chains_until(self.next_available()) <= size;
            return Err(match behind {
                true => RingFault::Withdrawn { before, now },
                false => RingFault::AvailableIndex { before, now, size },
            });
        }
        self.seen = now;
        Ok(now)
    }

    /// Makes sure that what was just read of a chain is what the guest put into
    /// it: a guest that takes chains back may use their memory for something
    /// else at once. Call it after reading, and before the chain is completed.
    pub(crate) fn check_kept(&mut self, memory: &MemoryView) -> Result<(), RingFault> {
        let before = self.seen;
        // The bytes were read before the index is.
        fence(Ordering::Acquire);
        let now = self.read_available(memory)?;
        match now.is_before(before) {
            true => Err(RingFault::Withdrawn {
                before: before.0,
                now: now.0,
            }),
            false => Ok(()),
        }
    }

    /// VIRTIO 1.2, section 2.7.7.2: the used index is written before the
    /// driver's wish is read.
    fn wants_notification(&mut self, memory: &MemoryView) -> Result<bool, RingFault> {
        let outside = self.spec.outside_memory(RingPart::Available);
        if self.spec.event_idx {
            return self.queue.needs_notification(memory).map_err(|_| outside);
        }
        // virtio-queue does not know this flag.
        fence(Ordering::SeqCst);
        let flags: u16 = memory
            .load(self.spec.available, Ordering::Relaxed)
            .map_err(|_| outside)?;
        Ok(u32::from(u16::from_le(flags)) & VRING_AVAIL_F_NO_INTERRUPT == 0)
    }
}

/// Reads a ring's available index, and nothing else, from another task than the
/// ring's owner: to note how far a guest had come.
#[derive(Clone)]
pub struct AvailableProbe {
    memory: Memory,
    spec: QueueSpec,
}

impl AvailableProbe {
    /// The index up to which the guest says it has published chains. Not
    /// checked against what the ring can hold: the ring's owner does that.
    ///
    /// # Errors
    ///
    /// [`RingFault::OutsideMemory`]: the ring is not in memory any more.
    pub fn available_index(&self) -> Result<RingIndex, RingFault> {
        let outside = self.spec.outside_memory(RingPart::Available);
        let address = self.spec.available.checked_add(2).ok_or(outside)?;
        let index = self.memory.memory().load(address, Ordering::Acquire);
        Ok(RingIndex(u16::from_le(index.map_err(|_| outside)?)))
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
