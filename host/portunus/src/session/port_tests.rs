//! A port's bytes past what a guest does wrong, or just oddly.

use portunus_device::fake_driver::RawDescriptor;

use super::*;
use crate::session::counters::get;
use crate::session::port_rig::{DEADLINE, Rig};

/// Offers the chain that begins at this descriptor.
fn offer(rig: &mut Rig, head: u16) {
    rig.transmit.ring().offer_head(head).unwrap();
    rig.transmit.ring().publish().unwrap();
}

/// Makes a chain of `count` descriptors, each of the same `length` bytes.
fn chain(rig: &mut Rig, count: u16, length: u32) {
    let address = rig.transmit.ring().spec().descriptors.0;
    for index in 0..count {
        let descriptor = RawDescriptor {
            address,
            length,
            flags: match index.checked_add(1) == Some(count) {
                true => 0,
                false => RawDescriptor::NEXT,
            },
            next: index.saturating_add(1),
        };
        rig.transmit
            .ring()
            .write_descriptor(index, descriptor)
            .unwrap();
    }
}

#[tokio::test]
async fn bytes_before_a_guest_s_fault_are_taken_and_counted() {
    let mut rig = Rig::new(false, PortLimits::DEFAULT);
    assert_eq!(rig.transmit.write(b"precious").unwrap(), 8);
    offer(&mut rig, 500);
    assert_eq!(rig.pull(), 8);
    assert_eq!(get(&rig.port.counters.guest_faults), 1);

    let mut rig = Rig::new(false, PortLimits::DEFAULT);
    assert_eq!(rig.transmit.write(b"precious").unwrap(), 8);
    offer(&mut rig, 500);
    rig.port.discard();
    assert_eq!(get(&rig.port.counters.discarded_bytes), 8);
}

#[tokio::test]
async fn a_console_counts_what_it_drops_and_does_not_read_it() {
    const CHAINS: u64 = 32;
    let mut rig = Rig::new(true, PortLimits::DEFAULT);
    // The same 4 MiB in each, 8 GiB altogether: read, that takes seconds.
    chain(&mut rig, 64, 4 << 20);
    for _ in 0..CHAINS {
        offer(&mut rig, 0);
    }
    rig.port.tend();
    let kept = PortLimits::DEFAULT.backlog_bytes;
    assert_eq!(
        get(&rig.port.counters.console_dropped_bytes),
        CHAINS * (256 << 20) - kept
    );
    assert_eq!(get(&rig.port.counters.guest_faults), 0);
    assert_eq!(u64::try_from(rig.pull()).unwrap(), kept);
}

#[tokio::test]
async fn a_close_behind_an_empty_chain_is_due_once_that_was_taken() {
    let mut rig = Rig::new(false, PortLimits::DEFAULT);
    chain(&mut rig, 1, 0);
    offer(&mut rig, 0);
    rig.port.guest_closed();
    assert_eq!(rig.port.next_edge(true), None);
    assert_eq!(rig.pull(), 0);
    assert!(matches!(
        rig.port.next_edge(true),
        Some(Edge::Closed { .. })
    ));
}

#[tokio::test]
async fn what_waits_for_a_guest_that_closed_makes_room_before_the_close_is_told() {
    let mut rig = Rig::new(false, PortLimits::DEFAULT);
    let full = vec![b'x'; 64 << 10];
    assert_eq!(rig.port.send(&full), full.len());
    assert_eq!(rig.port.flush(), 0);
    rig.transmit.write(b"not taken yet").unwrap();
    rig.port.guest_closed();
    assert_eq!(rig.port.next_edge(true), None);
    assert_eq!(rig.port.flush(), full.len());
    assert_eq!(get(&rig.port.counters.unread_bytes), 64 << 10);
    assert_eq!(rig.pull(), 13);
    assert!(rig.port.next_edge(true).is_some());
}

#[tokio::test]
async fn a_new_driver_s_first_chain_is_whole() {
    let mut rig = Rig::new(false, PortLimits::DEFAULT);
    rig.transmit.write(b"the old driver's").unwrap();
    let mut few = [0; 4];
    assert_eq!(rig.port.pull(&mut few), 4);
    rig.reboot();
    rig.transmit.write(b"the new one's").unwrap();
    let mut all = [0; 32];
    assert_eq!(rig.port.pull(&mut all), 13);
    assert_eq!(&all[..13], b"the new one's");
}

#[tokio::test]
async fn what_nobody_will_fetch_is_counted() {
    let rig = Rig::new(false, PortLimits::DEFAULT);
    assert_eq!(rig.port.send(b"for nobody"), 10);
    rig.port.abandon();
    assert_eq!(get(&rig.port.counters.unread_bytes), 10);
    assert_eq!(rig.port.waiting_bytes(), 0);
}

#[tokio::test]
async fn what_is_given_from_outside_waits_for_room_and_comes_in_order() {
    // More than the guest's buffers and the outbox hold.
    let typed: Vec<u8> = (0..251).cycle().take(4_000_000).collect();
    let mut rig = Rig::new(true, PortLimits::DEFAULT);
    rig.receive.fill().unwrap();
    let (port, bytes) = (Arc::clone(&rig.port), typed.clone());
    let giving = tokio::spawn(async move { port.give(&bytes).await });
    let mut read = Vec::new();
    while read.len() < typed.len() {
        // As the session does, whom the guest's new buffers wake.
        rig.port.flush();
        read.extend(rig.receive.read().unwrap());
        tokio::task::yield_now().await;
    }
    giving.await.unwrap();
    assert!(read == typed);
}

#[tokio::test]
async fn what_is_given_to_a_port_that_closes_is_not_waited_for() {
    let rig = Rig::new(true, PortLimits::DEFAULT);
    let port = Arc::clone(&rig.port);
    let giving = tokio::spawn(async move { port.give(&[0; 100 << 10]).await });
    while rig.port.waiting_bytes() == 0 {
        tokio::task::yield_now().await;
    }
    rig.port.lose("the device was reset");
    let closed = rig.port.next_edge(true).unwrap();
    rig.port.tell(closed);
    tokio::time::timeout(DEADLINE, giving)
        .await
        .unwrap()
        .unwrap();
}
