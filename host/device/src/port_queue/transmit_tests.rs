//! Bytes from the guest, chain by chain.

use super::*;

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
fn bytes_of_a_chain_that_the_guest_takes_back_meanwhile_are_not_pulled() {
    for (left, pulled) in [(0, 0), (1, 0), (2, 3)] {
        let mut rig = Rig::new();
        let mut queue = rig.transmit();
        rig.put(0, b"onetwo");
        rig.offer(&[from_guest(0, 3)]);
        rig.offer(&[from_guest(3, 3)]);
        let limit = queue.available().expect("no fault");
        let mut into = [0; 3];
        if left == 2 {
            assert_eq!(queue.pull(limit, &mut into), Ok(3));
        }
        // As a driver does that is let go: what was not used is freed.
        rig.driver
            .set_available_index(left.min(1))
            .expect("in memory");
        rig.put(0, b"\0\0\0\0\0\0");
        let fault = RingFault::Withdrawn {
            before: 2,
            now: left.min(1),
        };
        assert_eq!(queue.pull(limit, &mut into), Err(fault));
        assert_eq!(queue.pull(limit, &mut into), Err(fault), "for good");
        assert_eq!(rig.used().len(), usize::from(pulled > 0));
    }
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
