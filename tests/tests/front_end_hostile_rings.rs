//! Guests that break their rings, and their neighbours in the same device.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that panics is a test that failed"
)]

use portunus_device::control::GuestMessage;
use portunus_device::fake_driver::{Buffer, DriverRing, FakeGuestSpec, RawDescriptor};
use portunus_device::layout::{
    MaxPorts, PortId, QueueIndex, QueueRole, queue_index, receive_queue, transmit_queue,
};
use portunus_tests::front_end::FrontEnd;
use portunus_tests::program::Program;
use vm_memory::GuestAddress;

const TWO: &str = r#"
[vm]
name = "guest-1"

[device]
max-ports = 3

[[port]]
name = "broken"
plugin = "echo"

[[port]]
name = "neighbour"
plugin = "echo"
"#;

/// Where this guest has no memory.
const NOWHERE: u64 = 0x7000_0000_0000;

fn boot(program: &Program) -> FrontEnd {
    let spec = FakeGuestSpec {
        max_ports: MaxPorts::new(3).unwrap(),
        ..FakeGuestSpec::default()
    };
    FrontEnd::boot(&program.socket(), spec)
}

/// Writes one descriptor and offers the chain that begins with it.
fn offer(ring: &mut DriverRing, descriptor: RawDescriptor) {
    ring.write_descriptor(0, descriptor).unwrap();
    ring.offer_head(0).unwrap();
    ring.publish().unwrap();
}

/// Some of the ring's own memory, which is there for sure.
fn inside(ring: &DriverRing) -> u64 {
    ring.spec().descriptors.0
}

type Break = fn(&mut DriverRing);

/// What breaks a transmit ring.
const BREAKS: [(&str, Break); 10] = [
    ("a descriptor that is its own next", |ring| {
        let address = inside(ring);
        let flags = RawDescriptor::NEXT;
        offer(
            ring,
            RawDescriptor {
                address,
                length: 1,
                flags,
                next: 0,
            },
        );
    }),
    ("a next past the table", |ring| {
        let address = inside(ring);
        let flags = RawDescriptor::NEXT;
        offer(
            ring,
            RawDescriptor {
                address,
                length: 1,
                flags,
                next: 500,
            },
        );
    }),
    ("a head past the table", |ring| {
        ring.offer_head(500).unwrap();
        ring.publish().unwrap();
    }),
    ("a buffer in no memory", |ring| {
        offer(
            ring,
            RawDescriptor {
                address: NOWHERE,
                length: 64,
                ..Default::default()
            },
        );
    }),
    ("a buffer that wraps", |ring| {
        offer(
            ring,
            RawDescriptor {
                address: u64::MAX - 4,
                length: 64,
                ..Default::default()
            },
        );
    }),
    ("a buffer of 4 GiB", |ring| {
        let address = inside(ring);
        offer(
            ring,
            RawDescriptor {
                address,
                length: u32::MAX,
                ..Default::default()
            },
        );
    }),
    ("a table in no memory", |ring| {
        let flags = RawDescriptor::INDIRECT;
        offer(
            ring,
            RawDescriptor {
                address: NOWHERE,
                length: 64,
                flags,
                next: 0,
            },
        );
    }),
    ("a table of odd size", |ring| {
        let address = inside(ring);
        let flags = RawDescriptor::INDIRECT;
        offer(
            ring,
            RawDescriptor {
                address,
                length: 17,
                flags,
                next: 0,
            },
        );
    }),
    ("a table in a table", |ring| {
        // The table is the ring's own: its first descriptor is a table again.
        let address = inside(ring);
        let flags = RawDescriptor::INDIRECT;
        offer(
            ring,
            RawDescriptor {
                address,
                length: 16,
                flags,
                next: 0,
            },
        );
    }),
    ("an index that runs ahead", |ring| {
        let index = ring.used_index().unwrap().wrapping_add(1000);
        ring.set_available_index(index).unwrap();
    }),
];

#[test]
fn a_port_whose_ring_is_broken_rests_and_its_neighbour_goes_on() {
    let program = Program::serve(TWO);
    let mut front_end = boot(&program);
    for (name, act) in BREAKS {
        eprintln!("case: {name}");
        let (broken, neighbour) = (front_end.open("broken"), front_end.open("neighbour"));
        front_end.assert_echo(broken, b"whole");
        let queue = transmit_queue(broken);
        act(front_end.guest.ring(queue).unwrap());
        front_end.kick_queue(queue);
        front_end.until_error(queue);
        front_end.assert_echo(neighbour, b"still here");
        assert!(front_end.take_errors().is_empty());
        // All is well once the device is reset.
        front_end.reboot();
    }
    let ended = program.stop();
    assert!(ended.status.success());
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
    let told = ended
        .log
        .matches("the guest broke one of the port's rings")
        .count();
    // Ever more rarely, and all of them in the end.
    assert_eq!(told, [1, 2, 4, 8].len(), "{}", ended.log);
    let all = format!("guest_faults={}", BREAKS.len());
    assert_eq!(ended.log.matches(&all).count(), 1, "{}", ended.log);
}

#[test]
fn a_receive_ring_that_is_broken_is_told_when_it_is_used() {
    let program = Program::serve(TWO);
    let mut front_end = boot(&program);
    let (broken, neighbour) = (front_end.open("broken"), front_end.open("neighbour"));
    let ring = front_end.guest.ring(receive_queue(broken)).unwrap();
    for descriptor in 0..16 {
        let nowhere = RawDescriptor {
            address: NOWHERE,
            length: 64,
            flags: RawDescriptor::WRITE,
            next: 0,
        };
        ring.write_descriptor(descriptor, nowhere).unwrap();
    }
    front_end.guest.write(broken, b"answer me").unwrap();
    front_end.kick();
    front_end.until_error(receive_queue(broken));
    front_end.assert_echo(neighbour, b"still here");
    front_end.reboot();
    let broken = front_end.open("broken");
    front_end.assert_echo(broken, b"whole again");
    assert!(program.stop().status.success());
}

#[test]
fn control_messages_that_make_no_sense_are_ignored() {
    let program = Program::serve(TWO);
    let mut front_end = boot(&program);
    let (first, second) = (front_end.open("broken"), front_end.open("neighbour"));
    let messages: Vec<Vec<u8>> = [
        vec![1],
        vec![0; 7],
        vec![0xff; 8],
        vec![0x1b; 4096],
        GuestMessage::PortOpen { id: 3, open: true }
            .to_bytes()
            .to_vec(),
        GuestMessage::PortOpen {
            id: u32::MAX,
            open: false,
        }
        .to_bytes()
        .to_vec(),
        GuestMessage::PortReady { id: 3, ready: true }
            .to_bytes()
            .to_vec(),
        GuestMessage::PortOpen {
            id: first.get(),
            open: true,
        }
        .to_bytes()
        .to_vec(),
    ]
    .into();
    for message in messages {
        front_end.guest.send_raw(&message).unwrap();
        front_end.until_returned();
        front_end.assert_echo(first, b"one");
        front_end.assert_echo(second, b"two");
    }
    let ended = program.stop();
    assert!(ended.status.success());
    assert!(ended.log.contains("make no sense"), "{}", ended.log);
    assert!(
        !ended.log.contains('\u{1b}') && !ended.log.contains("panicked"),
        "{}",
        ended.log
    );
}

#[test]
fn a_flood_of_opens_and_closes_keeps_no_other_port_waiting() {
    /// Far more than the opens and closes that a port keeps.
    const FLOOD: u32 = 2000;
    let program = Program::serve(TWO);
    let mut front_end = boot(&program);
    let (flooded, neighbour) = (front_end.open("broken"), front_end.open("neighbour"));
    let id = flooded.get();
    for round in 0..FLOOD {
        let open = round % 2 == 1;
        let message = GuestMessage::PortOpen { id, open };
        front_end.guest.send_raw(&message.to_bytes()).unwrap();
        front_end.kick();
        if round % 100 == 0 {
            front_end.assert_echo(neighbour, b"still here");
        }
    }
    front_end.until_returned();
    front_end.assert_echo(flooded, b"open in the end");
    assert!(program.stop().status.success());
}

#[test]
fn a_control_queue_that_is_broken_rests_until_the_reset() {
    let program = Program::serve(TWO);
    let mut front_end = boot(&program);
    let open = front_end.open("neighbour");
    front_end.assert_echo(open, b"one");
    let queue: QueueIndex = queue_index(QueueRole::ControlTransmit);
    let ring = front_end.guest.ring(queue).unwrap();
    let buffer = Buffer {
        address: GuestAddress(NOWHERE),
        length: 8,
        writable: false,
    };
    ring.offer(&[buffer]).unwrap();
    ring.publish().unwrap();
    front_end.kick_queue(queue);
    front_end.until_error(queue);
    // Ports that are open need no control queue.
    front_end.assert_echo(open, b"two");
    front_end.reboot();
    let ids: [PortId; 2] = ["broken", "neighbour"].map(|name| front_end.open(name));
    for id in ids {
        front_end.assert_echo(id, b"three");
    }
    assert!(program.stop().status.success());
}
