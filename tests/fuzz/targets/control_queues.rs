//! The control queues in memory that says anything, and changes under them.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portunus_device::control_queues::ControlQueues;
use portunus_device::handshake::{Handshake, PortProfile};
use portunus_device::layout::{MaxPorts, PortId};
use portunus_fuzz::{BYTES, Guest, RingPlace, Scribble};

#[derive(Debug, Arbitrary)]
struct Input {
    memory: Vec<Scribble>,
    transmit: RingPlace,
    receive: RingPlace,
    turns: Vec<Vec<Scribble>>,
}

fuzz_target!(|input: Input| {
    let guest = Guest::default();
    for scribble in &input.memory {
        guest.scribble(scribble);
    }
    let mut handshake = Handshake::new(MaxPorts::new(31).expect("small"));
    for id in 0..31 {
        let profile = PortProfile {
            name: "org.portunus.fuzz.0".parse().expect("a name"),
            console: id == 0,
        };
        let id = PortId::new(id).expect("small");
        handshake.add_port(id, profile).expect("there is room");
    }
    let mut queues = ControlQueues::new(handshake);
    if let Some(ring) = guest.ring(&input.transmit) {
        queues.attach_transmit(ring);
    }
    if let Some(ring) = guest.ring(&input.receive) {
        queues.attach_receive(ring);
    }
    for scribbles in &input.turns {
        // A ring of BYTES has fewer entries: more messages than that are a loop.
        let most = u64::try_from(BYTES).expect("small");
        if let Ok(serviced) = queues.service(&mut |_event| {}) {
            assert!(serviced.received <= most && serviced.sent <= most);
            assert!(serviced.ignored <= serviced.received);
        }
        for scribble in scribbles {
            guest.scribble(scribble);
        }
    }
});
