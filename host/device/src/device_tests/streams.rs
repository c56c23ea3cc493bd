//! Bytes on all ports at once, both ways, in order.

use super::rig::{Rig, port};
use crate::fake_driver::{Backing, FakeGuest, FakeGuestSpec};
use crate::layout::QueueIndex;

/// A stream that no other port and no other place has.
fn stream(id: u32, length: u32) -> Vec<u8> {
    let mixed = |n: u32| {
        n.wrapping_mul(0x9e37_79b9)
            .wrapping_add(id.wrapping_mul(77))
    };
    (0..length).map(|n| mixed(n).to_le_bytes()[2]).collect()
}

#[test]
fn thirty_one_ports_talk_at_once_in_both_directions() {
    const LENGTH: u32 = 100_000;
    let ids: Vec<_> = (0..31).collect();
    let mut rig = Rig::booted(&ids);
    for id in 1..31 {
        rig.guest.open(port(id)).expect("a port");
    }
    rig.settle();

    let streams: Vec<_> = (0..31).map(|id| stream(id, LENGTH)).collect();
    let mut written = vec![0; 31];
    let mut pushed = vec![0; 31];
    let mut pulled = vec![Vec::new(); 31];
    let mut read = vec![Vec::new(); 31];
    // Each turn every port moves a little, so that all are on their way at once.
    while pulled
        .iter()
        .chain(&read)
        .any(|done| done.len() < streams[0].len())
    {
        for (id, place) in (0..31).zip(0..) {
            let place: usize = place;
            let stream = &streams[place];
            let rest = &stream[written[place]..];
            let wrote = rig.guest.write(port(id), rest).expect("a port");
            written[place] = wrote.wrapping_add(written[place]);
            let placed = rig.push(id, &stream[pushed[place]..]);
            pushed[place] = placed.wrapping_add(pushed[place]);
        }
        for (id, place) in (0..31).zip(0..) {
            let place: usize = place;
            pulled[place].extend(rig.pull(id));
            read[place].extend(rig.read(id));
        }
    }
    assert!(pulled == streams, "bytes from the guest differ");
    assert!(read == streams, "bytes to the guest differ");
}

#[test]
fn sixteen_mebibytes_cross_a_small_ring_both_ways() {
    let mut rig = Rig::booted(&[1]);
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    let data = stream(1, 16 << 20);
    let mut rest = &data[..];
    let mut pulled = Vec::new();
    while !rest.is_empty() {
        let written = rig.guest.write(port(1), rest).expect("a port");
        rest = &rest[written..];
        pulled.extend(rig.pull(1));
    }
    assert!(pulled == data, "bytes from the guest differ");

    let mut rest = &data[..];
    let mut read = Vec::new();
    while !rest.is_empty() {
        let placed = rig.push(1, rest);
        rest = &rest[placed..];
        read.extend(rig.read(1));
    }
    assert!(read == data, "bytes to the guest differ");
}

#[test]
fn a_guest_that_writes_to_a_paused_port_keeps_its_bytes_in_the_ring() {
    let mut rig = Rig::booted(&[1]);
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    let data = stream(1, 100_000);
    let written = rig.guest.write(port(1), &data).expect("a port");
    assert_eq!(written, 16 * 4096, "as much as its queue holds");
    assert_eq!(rig.guest.write(port(1), &data).expect("a port"), 0);
    assert!(rig.pull(1) == data[..written], "bytes differ");
}

#[test]
fn kicks_are_asked_for_where_the_device_waits() {
    let mut rig = Rig::booted(&[1]);
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    rig.guest.take_kicks().expect("in memory");
    let queue = rig.transmit.get_mut(&port(1)).expect("a queue");
    assert_eq!(queue.arm(), Ok(false));
    rig.write(1, b"x");
    assert_eq!(rig.guest.take_kicks().expect("in memory"), [QueueIndex(5)]);
    rig.write(1, b"y");
    assert_eq!(rig.guest.take_kicks().expect("in memory"), []);
    assert_eq!(rig.pull(1), b"xy");
}

#[test]
fn shared_memory_can_be_mapped_by_its_table() {
    use std::os::unix::fs::FileExt;
    use vm_memory::{Bytes, GuestAddressSpace};

    let guest = FakeGuest::new(FakeGuestSpec {
        backing: Backing::Shared,
        ..FakeGuestSpec::default()
    });
    let guest = guest.expect("memory");
    let [region] = guest.ram().regions() else {
        panic!("memory of one piece");
    };
    let memory = guest.ram().memory().memory();
    memory
        .write_slice(b"shared", region.guest_address)
        .expect("in memory");
    let (file, offset) = region.file.as_ref().expect("a file");
    let mut bytes = [0; 6];
    file.read_exact_at(&mut bytes, *offset)
        .expect("in the file");
    assert_eq!(&bytes, b"shared");
    let length = file.metadata().expect("a file").len();
    assert_eq!(u64::try_from(region.bytes), Ok(length));
}
