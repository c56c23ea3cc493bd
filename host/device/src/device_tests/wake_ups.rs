//! A driver in a thread of its own, and a device in another. Each sleeps as
//! soon as it may, and wakes only when the other tells it to: one lost wake-up,
//! and both sleep for ever.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::Interrupt;
use crate::fake_driver::{Backing, GuestRam, InterruptCounter, ReceiveDriver, TransmitDriver};
use crate::port_queue::{ReceiveQueue, TransmitQueue};

/// Far longer than a loaded machine takes to wake a thread.
const LOST: Duration = Duration::from_secs(60);

/// A doorbell: rung twice before anyone looks is rung once, as with an eventfd.
struct Bell(SyncSender<()>);

impl Bell {
    fn new() -> (Self, Receiver<()>) {
        let (sender, receiver) = sync_channel(1);
        (Self(sender), receiver)
    }

    fn ring(&self) {
        // Full: it rings already. Gone: nobody needs it any more.
        let _ = self.0.try_send(());
    }
}

impl Interrupt for Bell {
    fn signal(&self) {
        self.ring();
    }
}

fn wait(bell: &Receiver<()>, who: &str) {
    bell.recv_timeout(LOST)
        .unwrap_or_else(|_| panic!("a wake-up of the {who} was lost"));
}

fn bytes(length: u32) -> Vec<u8> {
    (0..length)
        .map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()[3])
        .collect()
}

fn guest_to_host(event_idx: bool, queue_size: u16) {
    const LENGTH: u32 = 200_000;
    const BUFFER_BYTES: u32 = 13;
    let mut ram = GuestRam::new(0x10_0000, Backing::Anonymous).expect("memory");
    let mut driver =
        TransmitDriver::new(&mut ram, queue_size, event_idx, BUFFER_BYTES).expect("a ring");
    let (kick, kicked) = Bell::new();
    let (interrupt, interrupted) = Bell::new();
    let ring = driver
        .ring()
        .spec()
        .activate(ram.memory(), Arc::new(interrupt));
    let mut queue = TransmitQueue::new(ring.expect("a good queue"));

    let device = thread::spawn(move || {
        let mut pulled: Vec<u8> = Vec::new();
        let mut into = [0; 50];
        while pulled.len() < bytes(LENGTH).len() {
            queue.disarm().expect("no fault");
            loop {
                let limit = queue.available().expect("no fault");
                let count = queue.pull(limit, &mut into).expect("no fault");
                pulled.extend(&into[..count]);
                queue.notify().expect("no fault");
                if count == 0 && !queue.arm().expect("no fault") {
                    break;
                }
            }
            if pulled.len() < bytes(LENGTH).len() {
                wait(&kicked, "device");
            }
        }
        pulled
    });

    let data = bytes(LENGTH);
    let mut rest = &data[..];
    while !rest.is_empty() {
        driver.ring().disable_interrupts().expect("in memory");
        let written = driver.write(rest).expect("in memory");
        rest = &rest[written..];
        if driver.ring().wants_kick().expect("in memory") {
            kick.ring();
        }
        if written == 0 && !driver.ring().enable_interrupts().expect("in memory") {
            wait(&interrupted, "driver");
        }
    }
    let pulled = device.join().expect("the device's thread");
    assert!(pulled == data, "bytes differ");
}

fn host_to_guest(event_idx: bool, queue_size: u16) {
    const LENGTH: u32 = 200_000;
    const BUFFER_BYTES: u32 = 13;
    let mut ram = GuestRam::new(0x10_0000, Backing::Anonymous).expect("memory");
    let mut driver =
        ReceiveDriver::new(&mut ram, queue_size, event_idx, BUFFER_BYTES).expect("a ring");
    let (kick, kicked) = Bell::new();
    let (interrupt, interrupted) = Bell::new();
    let ring = driver
        .ring()
        .spec()
        .activate(ram.memory(), Arc::new(interrupt));
    let mut queue = ReceiveQueue::new(ring.expect("a good queue"));

    let device = thread::spawn(move || {
        let data = bytes(LENGTH);
        let mut rest = &data[..];
        while !rest.is_empty() {
            queue.disarm().expect("no fault");
            let placed = queue.push(rest).expect("no fault");
            rest = &rest[placed..];
            queue.notify().expect("no fault");
            if placed == 0 && !queue.arm().expect("no fault") {
                wait(&kicked, "device");
            }
        }
    });

    let data = bytes(LENGTH);
    let mut read = Vec::new();
    driver.fill().expect("in memory");
    while read.len() < data.len() {
        if driver.ring().wants_kick().expect("in memory") {
            kick.ring();
        }
        driver.ring().disable_interrupts().expect("in memory");
        let more = driver.read().expect("in memory");
        let idle = more.is_empty();
        read.extend(more);
        if driver.ring().wants_kick().expect("in memory") {
            kick.ring();
        }
        if idle && !driver.ring().enable_interrupts().expect("in memory") {
            wait(&interrupted, "driver");
        }
    }
    device.join().expect("the device's thread");
    assert!(read == data, "bytes differ");
}

/// A driver that never sleeps, as Linux's console, and writes the next byte as
/// soon as it sees the last one taken: just when the device goes to sleep.
fn one_byte_at_a_time(event_idx: bool) {
    const BYTES: u32 = 20_000;
    let mut ram = GuestRam::new(0x10_0000, Backing::Anonymous).expect("memory");
    let mut driver = TransmitDriver::new(&mut ram, 2, event_idx, 1).expect("a ring");
    let (kick, kicked) = Bell::new();
    let interrupt = Arc::new(InterruptCounter::default());
    let ring = driver.ring().spec().activate(ram.memory(), interrupt);
    let mut queue = TransmitQueue::new(ring.expect("a good queue"));
    queue.arm().expect("no fault");

    let device = thread::spawn(move || {
        let mut left = BYTES;
        while left > 0 {
            wait(&kicked, "device");
            queue.disarm().expect("no fault");
            loop {
                let limit = queue.available().expect("no fault");
                match queue.pull(limit, &mut [0]).expect("no fault") {
                    0 if queue.arm().expect("no fault") => {}
                    0 => break,
                    _ => left = left.saturating_sub(1),
                }
            }
        }
    });

    for _ in 0..BYTES {
        assert_eq!(driver.write(b"x").expect("in memory"), 1);
        if driver.ring().wants_kick().expect("in memory") {
            kick.ring();
        }
        let deadline = Instant::now().checked_add(LOST).expect("a time to come");
        while !driver.is_drained().expect("in memory") {
            assert!(
                Instant::now() < deadline,
                "a wake-up of the device was lost"
            );
            thread::yield_now();
        }
    }
    device.join().expect("the device's thread");
}

#[test]
fn none_is_lost_by_a_driver_that_spins_with_event_idx() {
    one_byte_at_a_time(true);
}

#[test]
fn none_is_lost_by_a_driver_that_spins_with_flags() {
    one_byte_at_a_time(false);
}

#[test]
fn none_is_lost_from_guest_to_host_with_event_idx() {
    guest_to_host(true, 4);
    guest_to_host(true, 64);
}

#[test]
fn none_is_lost_from_guest_to_host_with_flags() {
    guest_to_host(false, 4);
    guest_to_host(false, 64);
}

#[test]
fn none_is_lost_from_host_to_guest_with_event_idx() {
    host_to_guest(true, 4);
    host_to_guest(true, 64);
}

#[test]
fn none_is_lost_from_host_to_guest_with_flags() {
    host_to_guest(false, 4);
    host_to_guest(false, 64);
}
