//! Bytes through real rings: to the guest, past faults, and any there may be.

#[path = "port_queue/transmit_tests.rs"]
mod transmit;

use std::sync::Arc;

use proptest::prelude::*;
use vm_memory::{Bytes, GuestAddress, GuestAddressSpace, GuestMemoryMmap};

use super::*;
use crate::chain::ChainFault;
use crate::fake_driver::{
    Backing, Buffer, DriverRing, GuestRam, InterruptCounter, RawDescriptor, ReceiveDriver,
    TransmitDriver,
};
use crate::ring::QueueSpec;

const SIZE: u16 = 8;

/// A ring with a driver on one end, and memory for buffers from `DATA` on.
struct Rig {
    ram: GuestRam,
    driver: DriverRing,
    interrupt: Arc<InterruptCounter>,
}

const DATA: u64 = 0x8800;

impl Rig {
    fn new() -> Self {
        Self::with(Backing::Anonymous)
    }

    fn with(backing: Backing) -> Self {
        // Two pieces: a buffer may lie across both.
        let pieces = [
            (GuestAddress(0x1000), 0x8000),
            (GuestAddress(0x9000), 0x1000),
        ];
        let mut ram = GuestRam::with_regions(&pieces, backing).expect("memory");
        let driver = DriverRing::new(&mut ram, SIZE, true).expect("a ring");
        Self {
            ram,
            driver,
            interrupt: Arc::default(),
        }
    }

    fn activate(&self, spec: QueueSpec) -> Ring {
        let ring = spec.activate(self.ram.memory(), self.interrupt.clone());
        ring.expect("a good queue")
    }

    fn transmit(&self) -> TransmitQueue {
        TransmitQueue::new(self.activate(self.driver.spec()))
    }

    fn receive(&self) -> ReceiveQueue {
        ReceiveQueue::new(self.activate(self.driver.spec()))
    }

    /// Memory from `DATA` on, where a test keeps its buffers.
    fn put(&self, offset: u64, bytes: &[u8]) {
        let memory = self.ram.memory().memory();
        memory.write_slice(bytes, at(offset)).expect("in memory");
    }

    fn get(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let memory = self.ram.memory().memory();
        memory
            .read_slice(&mut bytes, at(offset))
            .expect("in memory");
        bytes
    }

    fn offer(&mut self, buffers: &[Buffer]) {
        self.driver.offer(buffers).expect("room");
        self.driver.publish().expect("in memory");
    }

    fn used(&mut self) -> Vec<(u32, u32)> {
        let collect = || self.driver.collect().expect("in memory");
        std::iter::from_fn(collect)
            .map(|used| (used.head, used.written))
            .collect()
    }
}

fn at(offset: u64) -> GuestAddress {
    GuestAddress(DATA.saturating_add(offset))
}

fn from_guest(offset: u64, length: u32) -> Buffer {
    Buffer {
        address: at(offset),
        length,
        writable: false,
    }
}

fn to_guest(offset: u64, length: u32) -> Buffer {
    Buffer {
        writable: true,
        ..from_guest(offset, length)
    }
}

/// All that waits, in pieces of at most `piece` bytes.
fn pull_all(queue: &mut TransmitQueue, piece: usize) -> Vec<u8> {
    let limit = queue.available().expect("no fault");
    let mut all = Vec::new();
    let mut into = vec![0; piece];
    loop {
        let pulled = queue.pull(limit, &mut into).expect("no fault");
        if pulled == 0 {
            assert!(queue.is_drained(limit));
            return all;
        }
        all.extend(&into[..pulled]);
    }
}

#[test]
fn a_push_fills_chains_as_they_are() {
    let mut rig = Rig::new();
    let mut queue = rig.receive();
    assert_eq!(queue.push(b"nobody"), Ok(0));
    rig.offer(&[to_guest(0, 2), to_guest(100, 2)]);
    rig.offer(&[from_guest(200, 8), to_guest(200, 3)]);
    rig.offer(&[to_guest(300, 16)]);
    assert_eq!(queue.push(b"abcdefghi"), Ok(9));
    assert_eq!(rig.used(), [(0, 4), (2, 3), (4, 2)]);
    assert_eq!(rig.get(0, 3), b"ab\0");
    assert_eq!(rig.get(100, 2), b"cd");
    assert_eq!(rig.get(200, 4), b"efg\0");
    assert_eq!(rig.get(300, 3), b"hi\0");
    queue.notify().expect("no fault");
    assert_eq!(rig.interrupt.count(), 1);
    assert_eq!(queue.push(b"x"), Ok(0), "a chain is never filled twice");
}

#[test]
fn a_push_places_what_fits_and_says_how_much() {
    let mut rig = Rig::new();
    let mut queue = rig.receive();
    rig.offer(&[to_guest(0, 3)]);
    rig.offer(&[to_guest(10, 0)]);
    rig.offer(&[to_guest(20, 3)]);
    assert_eq!(queue.arm(), Ok(true));
    assert_eq!(queue.push(b"abcdefgh"), Ok(6));
    assert_eq!(rig.used(), [(0, 3), (1, 0), (2, 3)]);
    assert_eq!(queue.push(b""), Ok(0));
    assert_eq!(queue.arm(), Ok(false));
}

#[test]
fn bytes_before_a_fault_are_not_lost_and_the_fault_stays() {
    let mut rig = Rig::new();
    rig.put(0, b"good");
    let mut queue = rig.transmit();
    rig.offer(&[from_guest(0, 4)]);
    rig.driver.offer_head(99).expect("in memory");
    rig.driver.publish().expect("in memory");
    let limit = queue.available().expect("no fault");
    let mut into = [0; 8];
    assert_eq!(queue.pull(limit, &mut into), Ok(4));
    let fault = ChainFault::IndexPastTable {
        index: 99,
        length: 8,
    };
    let fault = RingFault::Chain { head: 99, fault };
    assert_eq!(queue.pull(limit, &mut into), Err(fault));
    assert_eq!(queue.discard(limit), Err(fault));
    assert_eq!(queue.available(), Err(fault));
    assert_eq!(queue.arm(), Err(fault));
    assert_eq!(queue.notify(), Err(fault));

    let mut rig = Rig::new();
    let mut queue = rig.receive();
    rig.offer(&[to_guest(0, 2)]);
    rig.driver.offer_head(99).expect("in memory");
    rig.driver.publish().expect("in memory");
    assert_eq!(queue.push(b"abcd"), Ok(2));
    assert_eq!(queue.push(b"cd"), Err(fault));
    assert_eq!(queue.push(b""), Err(fault));
}

#[test]
fn a_looped_chain_wedges_nobody() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    let looped = RawDescriptor {
        address: DATA,
        length: 16,
        flags: RawDescriptor::NEXT,
        next: 0,
    };
    rig.driver
        .write_descriptor(0, looped)
        .expect("in the table");
    rig.driver.offer_head(0).expect("in memory");
    rig.driver.publish().expect("in memory");
    let fault = ChainFault::Looped;
    let fault = RingFault::Chain { head: 0, fault };
    assert_eq!(queue.discard(RingIndex(1)), Err(fault));
    assert_eq!(rig.used(), [], "a malformed chain is not given back");
}

#[test]
fn memory_may_be_swapped_in_the_middle_of_a_chain() {
    let mut rig = Rig::with(Backing::Shared);
    let mut queue = rig.transmit();
    rig.put(0, b"abcdefgh");
    rig.offer(&[from_guest(0, 8)]);
    let mut into = [0; 4];
    assert_eq!(queue.pull(RingIndex(1), &mut into), Ok(4));
    rig.ram.remap().expect("memory");
    assert_eq!(queue.pull(RingIndex(1), &mut into), Ok(4));
    assert_eq!(&into, b"efgh");
    assert_eq!(rig.used(), [(0, 0)]);
}

#[test]
fn memory_that_goes_in_the_middle_of_a_chain_is_the_guests_fault() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.offer(&[from_guest(0, 8)]);
    let mut into = [0; 4];
    assert_eq!(queue.pull(RingIndex(1), &mut into), Ok(4));
    let less = GuestMemoryMmap::from_ranges(&[(GuestAddress(0x1000), 0x1000)]);
    rig.ram.swap(less.expect("memory"));
    let fault = ChainFault::BufferOutsideMemory {
        address: DATA.saturating_add(4),
        length: 4,
    };
    let fault = RingFault::Chain { head: 0, fault };
    assert_eq!(queue.pull(RingIndex(1), &mut into), Err(fault));
}

proptest! {
    #[test]
    fn bytes_come_out_as_they_went_in(
        writes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 1..20),
        piece in 1usize..200,
        buffer_bytes in 1u32..100,
        event_idx: bool,
    ) {
        let mut ram = GuestRam::new(0x10_000, Backing::Anonymous).expect("memory");
        let mut driver = TransmitDriver::new(&mut ram, SIZE, event_idx, buffer_bytes).expect("a ring");
        let interrupt = Arc::new(InterruptCounter::default());
        let ring = driver.ring().spec().activate(ram.memory(), interrupt).expect("a good queue");
        let mut queue = TransmitQueue::new(ring);
        let mut pulled = Vec::new();
        for write in &writes {
            let mut rest = &write[..];
            while !rest.is_empty() {
                let written = driver.write(rest).expect("in memory");
                rest = &rest[written..];
                pulled.extend(pull_all(&mut queue, piece));
            }
        }
        prop_assert_eq!(pulled, writes.concat());
        prop_assert!(driver.is_drained().expect("in memory"));
    }

    #[test]
    fn bytes_go_in_as_they_come_out(
        pushes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 1..20),
        buffer_bytes in 1u32..100,
    ) {
        let mut ram = GuestRam::new(0x10_000, Backing::Anonymous).expect("memory");
        let mut driver = ReceiveDriver::new(&mut ram, SIZE, true, buffer_bytes).expect("a ring");
        driver.fill().expect("in memory");
        let interrupt = Arc::new(InterruptCounter::default());
        let ring = driver.ring().spec().activate(ram.memory(), interrupt).expect("a good queue");
        let mut queue = ReceiveQueue::new(ring);
        let mut read = Vec::new();
        for push in &pushes {
            let mut rest = &push[..];
            while !rest.is_empty() {
                let placed = queue.push(rest).expect("no fault");
                prop_assert!(placed > 0);
                rest = &rest[placed..];
                read.extend(driver.read().expect("in memory"));
            }
        }
        prop_assert_eq!(read, pushes.concat());
    }
}
