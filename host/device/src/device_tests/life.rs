//! Ports come and go, guests boot, sleep and wake, back ends are replaced.

use super::rig::{Rig, port};
use crate::config_space::ConsoleSize;
use crate::control::HostMessage;
use crate::control_queues::ControlQueues;
use crate::fake_driver::FakeGuestSpec;
use crate::features::Features;
use crate::handshake::{GuestEvent, Handshake};
use crate::layout::{MaxPorts, QueueIndex, QueueRole, queue_role};
use crate::ring::QueueSpec;

fn check_port(rig: &Rig, id: u32) {
    let known = rig.guest.port(port(id)).expect("a port");
    let name = known.name.as_ref().expect("a name");
    assert_eq!(name.as_str(), format!("org.example.{id}"));
    assert_eq!(known.console, id == 0);
    assert!(known.host_open);
}

#[test]
fn a_guest_boots_and_knows_every_port() {
    let all: Vec<_> = (0..31).collect();
    let rig = Rig::booted(&all);
    assert_eq!(rig.guest.ports().count(), 31);
    for id in all {
        check_port(&rig, id);
    }
    let opened = GuestEvent::Opened(port(0));
    assert!(rig.events.contains(&opened), "Linux opens consoles itself");
}

#[test]
fn a_device_of_a_thousand_ports_boots() {
    let spec = FakeGuestSpec {
        max_ports: MaxPorts::new(1024).expect("a size of device"),
        queue_size: 2,
        ..FakeGuestSpec::default()
    };
    let mut rig = Rig::new(spec);
    for id in 0..1024 {
        rig.add(id);
    }
    rig.guest.start().expect("in memory");
    rig.settle();
    assert_eq!(rig.guest.ports().count(), 1024);
    check_port(&rig, 0);
    check_port(&rig, 1023);
    rig.guest.open(port(1023)).expect("a port");
    rig.write(1023, b"far out");
    assert_eq!(rig.pull(1023), b"far out");
}

#[test]
fn ports_come_and_go_while_a_file_is_open_and_bytes_are_in_flight() {
    let mut rig = Rig::booted(&[1]);
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    rig.write(1, b"last words");
    assert_eq!(rig.push(1, b"not read"), 8);

    rig.control.handshake_mut().remove_port(port(1));
    rig.add(2);
    rig.settle();
    assert!(rig.guest.port(port(1)).is_none());
    check_port(&rig, 2);

    // The chain is still there, and is completed for a port that is gone.
    let queue = rig.transmit.get_mut(&port(1)).expect("a queue");
    let limit = queue.available().expect("no fault");
    assert_eq!(queue.discard(limit), Ok(10));
    queue.notify().expect("no fault");

    // The id comes back as another port, on the same rings.
    rig.add(1);
    rig.settle();
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    rig.read(1);
    rig.write(1, b"first words");
    assert_eq!(rig.pull(1), b"first words");
    assert_eq!(rig.push(1, b"hello"), 5);
    assert_eq!(rig.read(1), b"hello");
}

#[test]
fn what_was_written_before_a_close_is_told_from_what_comes_after() {
    let mut rig = Rig::booted(&[1]);
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    rig.write(1, b"before ");
    rig.write(1, b"the close");
    rig.guest.close(port(1)).expect("a port");
    assert!(!rig.guest.control_returned().expect("in memory"));
    rig.service().expect("no fault");
    assert!(
        rig.guest.control_returned().expect("in memory"),
        "Linux spins no longer"
    );

    rig.guest.open(port(1)).expect("a port");
    rig.write(1, b"after it");
    rig.settle();
    let boundary = rig.boundaries[&port(1)];
    assert_eq!(rig.pull_until(1, boundary), b"before the close");
    assert_eq!(rig.pull(1), b"after it");
    let id = port(1);
    let events = [
        GuestEvent::Opened(id),
        GuestEvent::Closed(id),
        GuestEvent::Opened(id),
    ];
    assert!(rig.events.ends_with(&events));
}

#[test]
fn a_reset_at_every_step_leaves_a_device_that_boots() {
    for steps in 0..12 {
        let mut rig = Rig::new(FakeGuestSpec {
            queue_size: 2,
            ..FakeGuestSpec::default()
        });
        for id in 0..4 {
            rig.add(id);
        }
        rig.guest.start().expect("in memory");
        for step in 0..steps {
            match step % 2 {
                0 => drop(rig.service().expect("no fault")),
                _ => drop(rig.guest.pump().expect("in memory")),
            }
        }
        rig.reset();
        rig.guest.reset().expect("in memory");
        rig.activate();
        rig.guest.start().expect("in memory");
        rig.settle();
        for id in 0..4 {
            check_port(&rig, id);
        }
    }
}

#[test]
fn a_guest_wakes_from_hibernation_without_device_ready() {
    let mut rig = Rig::booted(&[0, 1, 2]);
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    rig.reset();
    rig.guest.freeze().expect("in memory");

    // While it sleeps, one port goes and another one comes.
    rig.control.handshake_mut().remove_port(port(2));
    rig.add(3);
    rig.activate();
    rig.events.clear();
    rig.guest.restore().expect("in memory");
    rig.settle();
    for id in [0, 1, 3] {
        check_port(&rig, id);
    }
    assert!(rig.guest.port(port(2)).is_none());
    assert!(rig.events.contains(&GuestEvent::Opened(port(0))));
    assert!(rig.events.contains(&GuestEvent::Opened(port(1))));
    assert!(!rig.events.contains(&GuestEvent::DeviceReady));
    rig.write(1, b"awake");
    assert_eq!(rig.pull(1), b"awake");
}

#[test]
fn a_new_back_end_takes_up_the_rings_of_a_running_guest() {
    let mut rig = Rig::booted(&[0, 1]);
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    rig.write(1, b"taken");
    assert_eq!(rig.pull(1), b"taken");
    rig.write(1, b"not taken");
    rig.push(1, b"to the guest");

    // The front end knows where each queue stood; the used index is in memory.
    let spec = FakeGuestSpec::default();
    let mut specs = rig.guest.queue_specs();
    for (index, spec) in &mut specs {
        let next = next_available(&mut rig, *index);
        *spec = QueueSpec {
            next_available: next,
            next_used: None,
            ..*spec
        };
    }
    rig.reset();
    rig.control = ControlQueues::new(Handshake::new(spec.max_ports));
    rig.control
        .handshake_mut()
        .set_features(Features::offered());
    rig.add(0);
    rig.add(1);
    for (index, spec) in specs {
        rig.activate_queue(index, spec);
    }
    rig.control.handshake_mut().resume();
    let heard = rig.settle();
    assert!(heard.contains(&HostMessage::PortAdd(port(1))));
    assert!(heard.contains(&HostMessage::PortOpen(port(1), true)));
    check_port(&rig, 1);
    assert_eq!(rig.pull(1), b"not taken");
    assert_eq!(rig.read(1), b"to the guest");
    assert_eq!(rig.push(1, b"from the new one"), 16);
    assert_eq!(rig.read(1), b"from the new one");
}

fn next_available(rig: &mut Rig, index: QueueIndex) -> u16 {
    let role = queue_role(index, MaxPorts::default()).expect("a queue");
    let next = match role {
        QueueRole::PortReceive(id) => rig.receive[&id].next_available(),
        QueueRole::PortTransmit(id) => rig.transmit[&id].next_available(),
        QueueRole::ControlReceive => {
            let ring = rig.control.detach_receive().expect("a ring");
            ring.next_available()
        }
        QueueRole::ControlTransmit => {
            let ring = rig.control.detach_transmit().expect("a ring");
            ring.next_available()
        }
    };
    next.0
}

#[test]
fn a_console_hears_of_its_size() {
    let mut rig = Rig::booted(&[0, 1]);
    let size = ConsoleSize {
        columns: 132,
        rows: 50,
    };
    let handshake = rig.control.handshake_mut();
    assert!(handshake.resize(port(0), size));
    assert!(!handshake.resize(port(1), size));
    rig.settle();
    assert_eq!(rig.guest.port(port(0)).expect("a port").size, Some(size));
    assert_eq!(rig.guest.port(port(1)).expect("a port").size, None);
}

#[test]
fn bytes_that_come_before_an_open_are_lost_in_the_guest() {
    // Why sessions must wait for `Opened`.
    let mut rig = Rig::booted(&[1]);
    assert_eq!(rig.push(1, b"too early"), 9);
    assert_eq!(rig.read(1), b"");
    rig.guest.open(port(1)).expect("a port");
    rig.settle();
    assert_eq!(rig.guest.port(port(1)).expect("a port").thrown_away, 9);
    assert_eq!(rig.push(1, b"in time"), 7);
    assert_eq!(rig.read(1), b"in time");
}

#[test]
fn the_host_closes_and_the_guest_sees_it() {
    let mut rig = Rig::booted(&[1]);
    rig.control.handshake_mut().set_host_open(port(1), false);
    rig.settle();
    assert!(!rig.guest.port(port(1)).expect("a port").host_open);
    rig.control.handshake_mut().set_host_open(port(1), true);
    rig.settle();
    check_port(&rig, 1);
}
