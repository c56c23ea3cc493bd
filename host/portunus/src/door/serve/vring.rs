//! One ring as the front end describes it, message by message, until it can be
//! given to the device.

use std::fs::File;
use std::io;
use std::sync::Arc;

use portunus_device::ring::{QueueSpec, RingFault};

use super::memory::MemoryTable;
use crate::kick::{Bell, Kick};
use crate::session::port::KickedRing;

/// What the front end has said of one ring so far.
#[derive(Debug, Default)]
pub(super) struct Vring {
    /// Entries in the ring.
    pub size: u16,
    /// Descriptor table, available ring and used ring, as the front end
    /// addresses them.
    pub addresses: Option<VringAddresses>,
    /// Where to go on in the available ring.
    pub base: u16,
    /// Rung by the driver. While it is there, the ring is started.
    pub kick: Option<Kick>,
    /// Rung by us when buffers were used.
    pub call: Arc<Bell>,
    /// Rung by us when the guest broke the ring.
    pub error: Arc<Bell>,
    /// Whether the front end wants the ring served.
    pub enabled: bool,
    /// Whether the device has it now.
    pub attached: bool,
}

/// The three parts of a ring, in the front end's own addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct VringAddresses {
    /// Descriptor table.
    pub descriptors: u64,
    /// Available ring.
    pub available: u64,
    /// Used ring.
    pub used: u64,
}

/// Why a ring cannot be started: the front end's fault, or its guest's.
#[derive(Debug, thiserror::Error)]
pub(super) enum VringFault {
    /// It has no addresses yet.
    #[error("the ring has no addresses")]
    NoAddresses,
    /// An address is not in the memory table.
    #[error("the ring's {part} at {address:#x} is in no memory region")]
    Unmapped {
        /// Which part.
        part: &'static str,
        /// The front end's address of it.
        address: u64,
    },
    /// The device does not take it.
    #[error(transparent)]
    Ring(#[from] RingFault),
}

impl Vring {
    /// Takes the driver's kick descriptor.
    pub(super) fn start(&mut self, kick: File) -> io::Result<()> {
        self.kick = Some(Kick::new(kick)?);
        Ok(())
    }

    /// Makes the ring that the device is given. `None` while the front end has
    /// not started and enabled it.
    pub(super) fn ring(
        &self,
        table: &MemoryTable,
        event_idx: bool,
    ) -> Result<Option<KickedRing>, VringFault> {
        let Some(kick) = self.kick.clone().filter(|_| self.enabled) else {
            return Ok(None);
        };
        let addresses = self.addresses.ok_or(VringFault::NoAddresses)?;
        let find = |part, address| {
            table
                .guest_address(address)
                .ok_or(VringFault::Unmapped { part, address })
        };
        let spec = QueueSpec {
            size: self.size,
            descriptors: find("descriptor table", addresses.descriptors)?,
            available: find("available ring", addresses.available)?,
            used: find("used ring", addresses.used)?,
            next_available: self.base,
            // The front end names only one index; what was used is in the ring.
            next_used: None,
            event_idx,
        };
        let call: Arc<Bell> = Arc::clone(&self.call);
        let ring = spec.activate(table.memory(), call)?;
        let error: Arc<Bell> = Arc::clone(&self.error);
        Ok(Some(KickedRing { ring, kick, error }))
    }
}
