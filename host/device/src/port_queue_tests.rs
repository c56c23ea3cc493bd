//! Bytes through real rings.

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

/// A ring with a driver on one end, and 4 KiB of memory at `DATA`.
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
fn one_pull_takes_several_chains() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.put(0, b"one two three");
    rig.offer(&[from_guest(0, 4)]);
    rig.offer(&[from_guest(4, 4)]);
    rig.offer(&[from_guest(8, 5)]);
    let mut into = [0; 32];
    let limit = queue.available().expect("no fault");
    assert_eq!(queue.pull(limit, &mut into), Ok(13));
    assert_eq!(&into[..13], b"one two three");
    assert_eq!(rig.used(), [(0, 0), (1, 0), (2, 0)]);
    queue.notify().expect("no fault");
    assert_eq!(rig.interrupt.count(), 1, "one interrupt for all of them");
}

#[test]
fn a_long_chain_goes_on_where_it_stopped_and_is_completed_at_its_end() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.put(0, b"abcdefghij");
    rig.offer(&[
        from_guest(0, 3),
        from_guest(3, 0),
        from_guest(3, 6),
        from_guest(9, 1),
    ]);
    let limit = queue.available().expect("no fault");
    let mut into = [0; 4];
    assert_eq!(queue.pull(limit, &mut into), Ok(4));
    assert_eq!(&into, b"abcd");
    assert!(!queue.is_drained(limit));
    assert_eq!(queue.arm(), Ok(true), "the rest of it waits");
    assert_eq!(rig.used(), []);
    assert_eq!(queue.pull(limit, &mut into), Ok(4));
    assert_eq!(&into, b"efgh");
    assert_eq!(rig.used(), []);
    assert_eq!(queue.pull(limit, &mut into), Ok(2));
    assert_eq!(&into[..2], b"ij");
    assert_eq!(rig.used(), [(0, 0)]);
    assert!(queue.is_drained(limit));
    assert_eq!(queue.arm(), Ok(false));
}

#[test]
fn a_pull_stops_at_its_limit() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.put(0, b"oldnew");
    rig.offer(&[from_guest(0, 3)]);
    let probe = queue.probe();
    let boundary = probe.available_index().expect("no fault");
    rig.offer(&[from_guest(3, 3)]);

    let mut into = [0; 8];
    assert_eq!(queue.pull(boundary, &mut into), Ok(3));
    assert_eq!(queue.pull(boundary, &mut into), Ok(0));
    assert!(queue.is_drained(boundary));
    assert_eq!(queue.discard(boundary), Ok(0));
    let limit = queue.available().expect("no fault");
    assert_eq!(queue.pull(limit, &mut into), Ok(3));
    assert_eq!(&into[..3], b"new");
    assert_eq!(
        queue.pull(boundary, &mut into),
        Ok(0),
        "a limit that is passed"
    );
    assert!(queue.is_drained(boundary));
}

#[test]
fn a_limit_past_the_guests_index_takes_no_more_than_there_is() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.offer(&[from_guest(0, 3)]);
    let mut into = [0; 8];
    assert_eq!(queue.pull(RingIndex(5), &mut into), Ok(3));
    assert_eq!(queue.pull(RingIndex(5), &mut into), Ok(0));
    assert!(!queue.is_drained(RingIndex(5)));
}

#[test]
fn chains_without_bytes_are_completed_and_passed_over() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.put(0, b"x");
    rig.offer(&[from_guest(0, 0)]);
    rig.offer(&[to_guest(8, 4)]);
    rig.offer(&[from_guest(0, 1)]);
    rig.offer(&[from_guest(0, 0), from_guest(0, 0)]);
    assert_eq!(pull_all(&mut queue, 8), b"x");
    assert_eq!(rig.used(), [(0, 0), (1, 0), (2, 0), (3, 0)]);
}

#[test]
fn an_empty_buffer_pulls_nothing() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.offer(&[from_guest(0, 1)]);
    assert_eq!(queue.pull(RingIndex(1), &mut []), Ok(0));
    assert_eq!(rig.used(), []);
}

#[test]
fn indirect_chains_and_chains_across_two_pieces_of_memory_are_read() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    let data: Vec<u8> = (0..=255).cycle().take(0x1000).collect();
    rig.put(0, &data);
    let table = rig.ram.allocate(48, 16).expect("memory");
    let buffers = [
        from_guest(0, 0x10),
        from_guest(0x10, 0xf00),
        from_guest(0xf10, 0xf0),
    ];
    rig.driver.offer_indirect(table, &buffers).expect("room");
    rig.driver.publish().expect("in memory");
    assert_eq!(pull_all(&mut queue, 100), data);
    assert_eq!(rig.used(), [(0, 0)]);
}

#[test]
fn sixteen_mebibytes_in_one_chain_are_pulled_in_pieces() {
    const BYTES: u32 = 16 << 20;
    let mut ram = GuestRam::new(0x110_0000, Backing::Anonymous).expect("memory");
    let mut driver = DriverRing::new(&mut ram, 64, true).expect("a ring");
    let base = ram.allocate(BYTES.into(), 4096).expect("memory");
    let data: Vec<u8> = (0..BYTES / 4).flat_map(|n| n.to_le_bytes()).collect();
    ram.memory()
        .memory()
        .write_slice(&data, base)
        .expect("in memory");
    let pieces = BYTES / 32;
    let buffers: Vec<_> = (0..32u64)
        .map(|n| Buffer {
            address: GuestAddress(base.0.saturating_add(n.saturating_mul(pieces.into()))),
            length: pieces,
            writable: false,
        })
        .collect();
    driver.offer(&buffers).expect("room");
    driver.publish().expect("in memory");
    let interrupt = Arc::new(InterruptCounter::default());
    let ring = driver
        .spec()
        .activate(ram.memory(), interrupt)
        .expect("a good queue");
    let mut queue = TransmitQueue::new(ring);
    assert!(pull_all(&mut queue, 65_536) == data, "the bytes differ");
    assert!(driver.collect().expect("in memory").is_some());
}

#[test]
fn what_is_discarded_is_counted_and_completed() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.offer(&[from_guest(0, 100)]);
    rig.offer(&[from_guest(0, 0)]);
    rig.offer(&[from_guest(0, 50)]);
    let limit = queue.available().expect("no fault");
    rig.offer(&[from_guest(0, 7)]);
    let mut into = [0; 30];
    assert_eq!(queue.pull(limit, &mut into), Ok(30));
    assert_eq!(
        queue.discard(limit),
        Ok(120),
        "the rest of the begun one, and the others"
    );
    assert_eq!(rig.used(), [(0, 0), (1, 0), (2, 0)]);
    assert_eq!(
        queue.pull(RingIndex(4), &mut into),
        Ok(7),
        "nothing of it sticks to the next"
    );
}

#[test]
fn a_stopped_queue_goes_on_at_the_next_byte() {
    let mut rig = Rig::new();
    let mut queue = rig.transmit();
    rig.put(0, b"abcdefgh");
    rig.offer(&[from_guest(0, 1)]);
    rig.offer(&[from_guest(1, 2), from_guest(3, 5)]);
    let mut into = [0; 4];
    assert_eq!(queue.pull(RingIndex(2), &mut into), Ok(4));
    assert_eq!(queue.next_available(), RingIndex(1));
    let pulled = queue.pulled_of_head();
    assert_eq!(pulled, 3);

    let spec = QueueSpec {
        next_available: queue.into_ring().next_available().0,
        next_used: None,
        ..rig.driver.spec()
    };
    let mut queue = TransmitQueue::resume(rig.activate(spec), pulled);
    assert_eq!(queue.pulled_of_head(), 3);
    assert_eq!(pull_all(&mut queue, 64), b"efgh");
    assert_eq!(queue.pulled_of_head(), 0);
    assert_eq!(rig.used(), [(0, 0), (1, 0)]);
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
