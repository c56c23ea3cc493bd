//! Guest memory that says anything at all, and rings in it.

use std::sync::Arc;

use arbitrary::Arbitrary;
use portunus_device::Memory;
use portunus_device::fake_driver::{Backing, GuestRam, InterruptCounter};
use portunus_device::ring::{QueueSpec, Ring};
use vm_memory::{Bytes, GuestAddress, GuestAddressSpace};

/// Where guest memory begins: its own bound is worth reaching too.
pub const BASE: u64 = 0x1000;
/// Small, so that random addresses meet something.
pub const BYTES: usize = 0x4000;

/// Some bytes that a guest writes somewhere.
#[derive(Debug, Arbitrary)]
pub struct Scribble {
    /// Where, from [`BASE`] on.
    pub offset: u16,
    /// What.
    pub bytes: Vec<u8>,
}

/// A ring as a front end may describe it.
#[derive(Debug, Arbitrary)]
pub struct RingPlace {
    size: u16,
    descriptors: u16,
    available: u16,
    used: u16,
    next_available: u16,
    next_used: Option<u16>,
    event_idx: bool,
    /// Whether the addresses and the size are put right, so that most inputs
    /// are about what is in the ring.
    valid: bool,
}

/// Memory of a guest's.
pub struct Guest {
    ram: GuestRam,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            ram: GuestRam::new(BYTES, Backing::Anonymous).expect("memory"),
        }
    }
}

impl Guest {
    /// The guest writes; what does not fit its memory is not written.
    pub fn scribble(&self, scribble: &Scribble) {
        let memory = self.memory();
        let address = GuestAddress(BASE + u64::from(scribble.offset));
        let _partly_outside = memory.memory().write(&scribble.bytes, address);
    }

    /// The memory.
    pub fn memory(&self) -> Memory {
        self.ram.memory()
    }

    /// The ring at this place, where there can be one.
    pub fn ring(&self, place: &RingPlace) -> Option<Ring> {
        let (size, mask) = match place.valid {
            true => (1 << (place.size % 8), 0x0ff0),
            false => (place.size, 0xffff),
        };
        let address = |offset: u16| GuestAddress(BASE + u64::from(offset & mask));
        let spec = QueueSpec {
            size,
            descriptors: address(place.descriptors),
            available: address(place.available),
            used: address(place.used),
            next_available: place.next_available,
            next_used: place.next_used,
            event_idx: place.event_idx,
        };
        let interrupt = Arc::new(InterruptCounter::default());
        spec.activate(self.memory(), interrupt).ok()
    }
}
