//! Activation, indices and notifications.

use super::*;
use crate::chain::ChainFault;
use crate::fake_driver::{Backing, Buffer, DriverRing, GuestRam, InterruptCounter};
use vm_memory::{GuestAddress, GuestMemoryMmap};

const SIZE: u16 = 8;

struct Rig {
    ram: GuestRam,
    driver: DriverRing,
    interrupt: Arc<InterruptCounter>,
    buffer: GuestAddress,
}

impl Rig {
    fn new(event_idx: bool) -> Self {
        let mut ram = GuestRam::new(0x10_000, Backing::Anonymous).expect("memory");
        let driver = DriverRing::new(&mut ram, SIZE, event_idx).expect("a ring");
        let buffer = ram.allocate(16, 1).expect("memory");
        let interrupt = Arc::default();
        Self {
            ram,
            driver,
            interrupt,
            buffer,
        }
    }

    fn activate(&self, spec: QueueSpec) -> Result<Ring, RingFault> {
        spec.activate(self.ram.memory(), self.interrupt.clone())
    }

    fn ring(&self) -> Ring {
        self.activate(self.driver.spec()).expect("a good queue")
    }

    fn offer(&mut self, chains: usize) {
        for _ in 0..chains {
            let buffer = Buffer {
                address: self.buffer,
                length: 16,
                writable: false,
            };
            self.driver.offer(&[buffer]).expect("room");
        }
        self.driver.publish().expect("in memory");
    }
}

/// Takes and completes the next chain.
fn turn(ring: &mut Ring) -> Result<bool, RingFault> {
    let view = ring.view()?;
    let popped = ring.pop_readable(&view);
    let Some(chain) = ring.latched(popped)? else {
        return Ok(false);
    };
    ring.complete(&view, chain.finish())?;
    Ok(true)
}

#[test]
fn indices_are_ordered_across_their_wrap() {
    let index = RingIndex;
    assert!(!index(5).is_before(index(5)));
    assert!(index(5).is_before(index(6)));
    assert!(!index(6).is_before(index(5)));
    assert!(index(65_535).is_before(index(0)));
    assert!(!index(0).is_before(index(65_535)));
    assert!(index(7).is_before(index(7 + MAX_QUEUE_SIZE)));
    assert_eq!(index(65_530).chains_until(index(4)), 10);
}

#[test]
fn a_queue_of_an_impossible_size_is_refused() {
    let rig = Rig::new(false);
    for size in [0, 3, 12, 32_769, u16::MAX] {
        let spec = QueueSpec {
            size,
            ..rig.driver.spec()
        };
        assert_eq!(rig.activate(spec).err(), Some(RingFault::Size(size)));
    }
}

#[test]
fn a_queue_out_of_line_or_out_of_memory_is_refused() {
    let rig = Rig::new(false);
    let good = rig.driver.spec();
    let at = |part, address| {
        let mut spec = good;
        match part {
            RingPart::Descriptors => spec.descriptors = GuestAddress(address),
            RingPart::Available => spec.available = GuestAddress(address),
            RingPart::Used => spec.used = GuestAddress(address),
        }
        rig.activate(spec).err()
    };
    let parts = [
        (RingPart::Descriptors, 0x1008),
        (RingPart::Available, 0x1001),
        (RingPart::Used, 0x1002),
    ];
    for (part, address) in parts {
        let misaligned = Some(RingFault::Misaligned { part, address });
        assert_eq!(at(part, address), misaligned);
        for address in [0x10_ff0_u64 + 0x10, 0xffff_ffff_ffff_fff0] {
            let outside = Some(RingFault::OutsideMemory { part, address });
            assert_eq!(at(part, address), outside);
        }
    }
}

#[test]
fn chains_come_in_order_and_go_back_with_what_was_written() {
    let mut rig = Rig::new(false);
    let mut ring = rig.ring();
    assert_eq!(turn(&mut ring), Ok(false));
    rig.offer(3);
    for head in 0..3 {
        assert_eq!(turn(&mut ring), Ok(true));
        let used = rig.driver.collect().expect("in memory").expect("one chain");
        assert_eq!((used.head, used.written), (head, 0));
    }
    assert_eq!(turn(&mut ring), Ok(false));
    assert_eq!(rig.driver.collect().expect("in memory"), None);
}

#[test]
fn indices_wrap_and_a_queue_goes_on() {
    let mut rig = Rig::new(true);
    let mut ring = rig.ring();
    for round in 0..70_000u32 {
        rig.offer(1);
        assert_eq!(turn(&mut ring), Ok(true), "round {round}");
        assert!(rig.driver.collect().expect("in memory").is_some());
    }
    assert_eq!(
        ring.next_available().0,
        u16::try_from(70_000 % 65_536).expect("small")
    );
}

#[test]
fn a_chain_that_was_begun_counts_as_not_taken() {
    let mut rig = Rig::new(false);
    let mut ring = rig.ring();
    rig.offer(2);
    assert_eq!(turn(&mut ring), Ok(true));
    let view = ring.view().expect("no fault");
    let begun = ring
        .pop_readable(&view)
        .expect("no fault")
        .expect("a chain");
    assert_eq!(ring.next_available(), RingIndex(1));
    assert_eq!(ring.arm(), Ok(true), "the begun chain waits");

    // Taken up again, the queue gives the same chain.
    let spec = QueueSpec {
        next_available: ring.next_available().0,
        next_used: None,
        ..rig.driver.spec()
    };
    drop(begun);
    let mut ring = rig.activate(spec).expect("a good queue");
    assert_eq!(turn(&mut ring), Ok(true));
    assert_eq!(turn(&mut ring), Ok(false));
    assert_eq!(rig.driver.used_index().expect("in memory"), 2);
}

#[test]
fn an_available_index_that_runs_ahead_or_back_is_a_fault_for_good() {
    for (before, now) in [(3, 2), (0, SIZE + 1), (0, 2 * SIZE), (SIZE, 0)] {
        let mut rig = Rig::new(true);
        let mut ring = rig.ring();
        for _ in 0..before {
            rig.offer(1);
            assert_eq!(turn(&mut ring), Ok(true));
        }
        assert_eq!(ring.available_index(), Ok(RingIndex(before)));
        rig.driver.set_available_index(now).expect("in memory");
        let fault = match before {
            0 => RingFault::AvailableIndex {
                before,
                now,
                size: SIZE,
            },
            _ => RingFault::Withdrawn { before, now },
        };
        assert_eq!(ring.available_index(), Err(fault));

        rig.driver.set_available_index(before).expect("in memory");
        assert_eq!(ring.available_index(), Err(fault));
        assert_eq!(turn(&mut ring), Err(fault));
        assert_eq!(ring.arm(), Err(fault));
        assert_eq!(ring.disarm(), Err(fault));
    }
}

#[test]
fn chains_that_were_not_taken_can_be_withdrawn() {
    let mut rig = Rig::new(true);
    let mut ring = rig.ring();
    rig.offer(1);
    rig.offer(1);
    rig.offer(1);
    assert_eq!(turn(&mut ring), Ok(true));
    rig.driver.set_available_index(2).expect("in memory");
    assert_eq!(ring.available_index(), Ok(RingIndex(2)));
    assert_eq!(turn(&mut ring), Ok(true));
    assert_eq!(turn(&mut ring), Ok(false));
}

#[test]
fn a_begun_chain_counts_against_what_the_queue_can_hold() {
    let mut rig = Rig::new(false);
    let mut ring = rig.ring();
    rig.offer(1);
    let view = ring.view().expect("no fault");
    let begun = ring.pop_readable(&view).expect("no fault");
    assert!(begun.is_some());
    rig.driver.set_available_index(SIZE).expect("in memory");
    assert_eq!(ring.available_index(), Ok(RingIndex(SIZE)));
    rig.driver.set_available_index(SIZE + 1).expect("in memory");
    assert!(ring.available_index().is_err());
}

#[test]
fn a_malformed_chain_is_not_the_end_of_the_ring() {
    let mut rig = Rig::new(false);
    let mut ring = rig.ring();
    rig.driver.offer_head(SIZE).expect("in memory");
    rig.driver.publish().expect("in memory");
    let fault = ChainFault::IndexPastTable {
        index: SIZE,
        length: 8,
    };
    let fault = RingFault::Chain { head: SIZE, fault };
    assert_eq!(turn(&mut ring), Err(fault));
    assert_eq!(turn(&mut ring), Err(fault));
}

#[test]
fn without_event_idx_a_flag_silences_each_side() {
    let mut rig = Rig::new(false);
    let mut ring = rig.ring();
    ring.disarm().expect("no fault");
    rig.offer(1);
    assert!(!rig.driver.wants_kick().expect("in memory"));
    assert_eq!(ring.arm(), Ok(true), "the chain that came without a kick");
    rig.offer(1);
    assert!(rig.driver.wants_kick().expect("in memory"));

    rig.driver.disable_interrupts().expect("in memory");
    assert_eq!(turn(&mut ring), Ok(true));
    ring.notify_if_wanted().expect("no fault");
    assert_eq!(rig.interrupt.count(), 0);
    assert!(
        rig.driver.enable_interrupts().expect("in memory"),
        "one is there"
    );
    assert_eq!(turn(&mut ring), Ok(true));
    ring.notify_if_wanted().expect("no fault");
    ring.notify_if_wanted().expect("no fault");
    assert_eq!(rig.interrupt.count(), 1, "once for one completion");
    assert_eq!(ring.arm(), Ok(false));
}

#[test]
fn with_event_idx_each_side_hears_what_it_asked_for() {
    let mut rig = Rig::new(true);
    let mut ring = rig.ring();
    assert_eq!(ring.arm(), Ok(false));
    rig.offer(2);
    assert!(rig.driver.wants_kick().expect("in memory"));
    rig.offer(1);
    assert!(
        !rig.driver.wants_kick().expect("in memory"),
        "one kick is enough"
    );

    rig.driver.disable_interrupts().expect("in memory");
    assert_eq!(turn(&mut ring), Ok(true));
    ring.notify_if_wanted().expect("no fault");
    assert_eq!(rig.interrupt.count(), 0);
    rig.driver.collect().expect("in memory");
    assert!(!rig.driver.enable_interrupts().expect("in memory"));
    assert_eq!(turn(&mut ring), Ok(true));
    assert_eq!(turn(&mut ring), Ok(true));
    ring.notify_if_wanted().expect("no fault");
    assert_eq!(rig.interrupt.count(), 1);
}

#[test]
fn what_came_between_the_last_look_and_arming_is_seen() {
    for event_idx in [true, false] {
        let mut rig = Rig::new(event_idx);
        let mut ring = rig.ring();
        assert_eq!(ring.arm(), Ok(false));
        rig.offer(1);
        assert!(rig.driver.wants_kick().expect("in memory"));
        ring.disarm().expect("no fault");
        assert_eq!(turn(&mut ring), Ok(true));
        assert_eq!(turn(&mut ring), Ok(false), "the last look");
        rig.offer(1);
        assert!(
            !rig.driver.wants_kick().expect("in memory"),
            "no kick comes for it"
        );
        assert_eq!(ring.arm(), Ok(true));
    }
}

#[test]
fn a_probe_reads_the_index_from_elsewhere() {
    let mut rig = Rig::new(false);
    let probe = rig.ring().probe();
    rig.offer(3);
    let read = std::thread::spawn(move || probe.available_index()).join();
    assert_eq!(read.expect("no panic"), Ok(RingIndex(3)));
}

#[test]
fn memory_that_goes_away_is_a_fault_of_each_part() {
    let mut rig = Rig::new(true);
    let mut ring = rig.ring();
    let probe = ring.probe();
    rig.offer(2);
    assert_eq!(turn(&mut ring), Ok(true));
    rig.ram
        .swap(GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x1000)]).expect("memory"));

    let outside = |part, address: GuestAddress| RingFault::OutsideMemory {
        part,
        address: address.0,
    };
    let spec = rig.driver.spec();
    let available = outside(RingPart::Available, spec.available);
    assert_eq!(probe.available_index(), Err(available));
    assert_eq!(ring.notify_if_wanted(), Err(available));
    assert_eq!(ring.available_index(), Err(available));

    let rig = Rig::new(true);
    let mut ring = rig.ring();
    rig.ram
        .swap(GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x1000)]).expect("memory"));
    assert_eq!(
        ring.arm(),
        Err(outside(RingPart::Used, rig.driver.spec().used))
    );
}
