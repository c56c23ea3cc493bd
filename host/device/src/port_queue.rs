//! One port's bytes: out of its transmit queue, into its receive queue.
//!
//! This is the data path. Each call looks up guest memory once and allocates
//! nothing. Every chain is completed once, in order. The queues know nothing of
//! open and closed: a session bounds what it takes by a [`RingIndex`] it noted.

use crate::MemoryView;
use crate::chain::ReadableChain;
use crate::ring::{AvailableProbe, Ring, RingFault, RingIndex};

/// Bytes from the guest.
pub struct TransmitQueue {
    ring: Ring,
    begun: Option<ReadableChain>,
    /// Bytes of the chain at the ring's head that were pulled already.
    pulled_of_head: u64,
}

impl TransmitQueue {
    /// The bytes of this ring, from its first chain on.
    pub fn new(ring: Ring) -> Self {
        Self::resume(ring, 0)
    }

    /// The bytes of this ring, but for the first `pulled_of_head` bytes of its
    /// first chain: they were pulled before the ring was stopped.
    pub fn resume(ring: Ring, pulled_of_head: u64) -> Self {
        Self {
            ring,
            begun: None,
            pulled_of_head,
        }
    }

    /// Stops. A chain that was begun counts as not taken; see
    /// [`Self::pulled_of_head`].
    pub fn into_ring(self) -> Ring {
        self.ring
    }

    /// How many bytes of the chain at [`Ring::next_available`] were pulled: who
    /// stops a ring and takes it up again keeps this beside that index, or the
    /// guest's stream repeats itself.
    pub fn pulled_of_head(&self) -> u64 {
        self.pulled_of_head
    }

    /// The chain at the ring's head is whole: what was pulled before belonged to
    /// another driver's. Does nothing to a chain that was begun since.
    pub fn forget_pulled(&mut self) {
        if self.begun.is_none() {
            self.pulled_of_head = 0;
        }
    }

    /// The first chain that is not completed.
    pub fn next_available(&self) -> RingIndex {
        self.ring.next_available()
    }

    /// The index up to which the guest has published chains.
    ///
    /// # Errors
    ///
    /// [`RingFault`], as for every call: once there was one, all say the same.
    pub fn available(&mut self) -> Result<RingIndex, RingFault> {
        self.ring.available_index()
    }

    /// Something that reads this ring's available index from another task.
    pub fn probe(&self) -> AvailableProbe {
        self.ring.probe()
    }

    /// Copies waiting bytes from chains before `limit`: as many as fit, from
    /// several chains if several wait. A chain that was copied whole is
    /// completed; the rest of one that was not comes with the next call. 0:
    /// nothing waits before `limit` (or `into` is empty).
    ///
    /// Takes at most [`crate::ring::MAX_QUEUE_SIZE`] chains. Follow it with
    /// [`Self::notify`].
    ///
    /// # Errors
    ///
    /// [`RingFault`]: the guest's fault. Bytes that were copied before it are
    /// returned, and the fault is then the next call's answer. Bytes of a chain
    /// that the guest took back meanwhile are not among them.
    pub fn pull(&mut self, limit: RingIndex, into: &mut [u8]) -> Result<usize, RingFault> {
        let view = self.ring.view()?;
        let mut pulled: usize = 0;
        while let Some(rest) = into.get_mut(pulled..)
            && !rest.is_empty()
        {
            let step = self.pull_chain(&view, limit, rest);
            match self.ring.latched(step) {
                Ok(Some(bytes)) => pulled = pulled.saturating_add(bytes),
                Ok(None) => break,
                Err(_) if pulled > 0 => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(pulled)
    }

    /// Completes all chains before `limit` without copying them, and returns
    /// how many bytes that threw away.
    ///
    /// # Errors
    ///
    /// [`RingFault`], as [`Self::pull`].
    pub fn discard(&mut self, limit: RingIndex) -> Result<u64, RingFault> {
        let view = self.ring.view()?;
        let mut discarded: u64 = 0;
        loop {
            let step = self.discard_chain(&view, limit);
            match self.ring.latched(step) {
                Ok(Some(bytes)) => discarded = discarded.saturating_add(bytes),
                Ok(None) => break,
                Err(_) if discarded > 0 => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(discarded)
    }

    /// Whether every chain before `limit` is completed.
    pub fn is_drained(&self, limit: RingIndex) -> bool {
        !self.ring.next_available().is_before(limit)
    }

    /// Tells the driver of completed chains, if it wants to know.
    ///
    /// # Errors
    ///
    /// [`RingFault`].
    pub fn notify(&mut self) -> Result<(), RingFault> {
        self.ring.notify_if_wanted()
    }

    /// Asks for kicks and looks once more: true where chains wait.
    ///
    /// # Errors
    ///
    /// [`RingFault`].
    pub fn arm(&mut self) -> Result<bool, RingFault> {
        self.ring.arm()
    }

    /// Says that no kicks are needed.
    ///
    /// # Errors
    ///
    /// [`RingFault`].
    pub fn disarm(&mut self) -> Result<(), RingFault> {
        self.ring.disarm()
    }

    /// Copies from one chain. `None`: there is none before `limit`.
    fn pull_chain(
        &mut self,
        memory: &MemoryView,
        limit: RingIndex,
        into: &mut [u8],
    ) -> Result<Option<usize>, RingFault> {
        let Some(mut chain) = self.next_chain(memory, limit)? else {
            return Ok(None);
        };
        let copied = chain.copy_to(memory, into);
        let bytes = copied.map_err(RingFault::in_chain(chain.head()))?;
        self.ring.check_kept(memory)?;
        if chain.is_used_up() {
            self.complete(memory, chain)?;
        } else {
            let more = u64::try_from(bytes).unwrap_or(u64::MAX);
            self.pulled_of_head = self.pulled_of_head.saturating_add(more);
            self.begun = Some(chain);
        }
        Ok(Some(bytes))
    }

    /// Completes one chain. `None`: there is none before `limit`.
    fn discard_chain(
        &mut self,
        memory: &MemoryView,
        limit: RingIndex,
    ) -> Result<Option<u64>, RingFault> {
        let Some(chain) = self.next_chain(memory, limit)? else {
            return Ok(None);
        };
        let bytes = chain.remaining_bytes();
        self.complete(memory, chain)?;
        Ok(Some(bytes))
    }

    /// The chain that was begun, or the next one; past what was pulled of it.
    fn next_chain(
        &mut self,
        memory: &MemoryView,
        limit: RingIndex,
    ) -> Result<Option<ReadableChain>, RingFault> {
        if self.is_drained(limit) {
            return Ok(None);
        }
        if let Some(chain) = self.begun.take() {
            return Ok(Some(chain));
        }
        let mut next = self.ring.pop_readable(memory)?;
        if let Some(chain) = &mut next {
            chain.skip(self.pulled_of_head);
        }
        Ok(next)
    }

    fn complete(&mut self, memory: &MemoryView, chain: ReadableChain) -> Result<(), RingFault> {
        self.pulled_of_head = 0;
        self.ring.complete(memory, chain.finish())
    }
}

/// Bytes to the guest.
pub struct ReceiveQueue {
    ring: Ring,
}

impl ReceiveQueue {
    /// The room that the guest gives on this ring.
    pub fn new(ring: Ring) -> Self {
        Self { ring }
    }

    /// Stops.
    pub fn into_ring(self) -> Ring {
        self.ring
    }

    /// The first chain that is not completed.
    pub fn next_available(&self) -> RingIndex {
        self.ring.next_available()
    }

    /// Copies `data` into waiting chains, several if it needs them, completes
    /// each with what it got, and returns how many bytes found room. Fewer than
    /// given: the guest has no buffers left. Follow it with [`Self::notify`].
    ///
    /// # Errors
    ///
    /// [`RingFault`]: the guest's fault. If bytes were placed before it, their
    /// count is returned, and the fault is then the next call's answer.
    pub fn push(&mut self, data: &[u8]) -> Result<usize, RingFault> {
        let view = self.ring.view()?;
        let available = self.ring.read_available(&view);
        let available = self.ring.latched(available)?;
        let mut placed: usize = 0;
        while let Some(rest) = data.get(placed..)
            && !rest.is_empty()
            && self.ring.next_available().is_before(available)
        {
            let step = self.push_chain(&view, rest);
            match self.ring.latched(step) {
                Ok(Some(bytes)) => placed = placed.saturating_add(bytes),
                Ok(None) => break,
                Err(_) if placed > 0 => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(placed)
    }

    /// Tells the driver of filled chains, if it wants to know.
    ///
    /// # Errors
    ///
    /// [`RingFault`].
    pub fn notify(&mut self) -> Result<(), RingFault> {
        self.ring.notify_if_wanted()
    }

    /// Asks for kicks and looks once more: true where there is room.
    ///
    /// # Errors
    ///
    /// [`RingFault`].
    pub fn arm(&mut self) -> Result<bool, RingFault> {
        self.ring.arm()
    }

    /// Says that no kicks are needed.
    ///
    /// # Errors
    ///
    /// [`RingFault`].
    pub fn disarm(&mut self) -> Result<(), RingFault> {
        self.ring.disarm()
    }

    /// Fills one chain. `None`: there is none.
    fn push_chain(&mut self, memory: &MemoryView, data: &[u8]) -> Result<Option<usize>, RingFault> {
        let Some(mut chain) = self.ring.pop_writable(memory)? else {
            return Ok(None);
        };
        let copied = chain.copy_from(memory, data);
        let bytes = copied.map_err(RingFault::in_chain(chain.head()))?;
        self.ring.complete(memory, chain.finish())?;
        Ok(Some(bytes))
    }
}

#[cfg(test)]
#[path = "port_queue_tests.rs"]
mod tests;
