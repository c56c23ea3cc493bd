//! Any control messages, between anything that the host may want.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portunus_device::config_space::ConsoleSize;
use portunus_device::control::{GuestMessage, HostMessage};
use portunus_device::features::Features;
use portunus_device::handshake::{Handshake, PortProfile};
use portunus_device::layout::{MaxPorts, PortId};

#[derive(Debug, Arbitrary)]
enum Step {
    Receive(Vec<u8>),
    /// A message with numbers that are worth something.
    ReceiveWords {
        id: u8,
        event: u8,
        value: u8,
    },
    Send {
        most: u8,
    },
    Add {
        id: u8,
        name: String,
        console: bool,
    },
    Remove(u8),
    HostOpen(u8, bool),
    AssumeOpen(u8),
    Resize(u8, u16, u16),
    Features(u64),
    Reset,
    Resume,
}

/// All there can be to say of a port: it was removed and added, it is a
/// console with a size and a name, and open.
const MESSAGES_A_PORT: usize = 8;

fuzz_target!(|input: (u8, Vec<Step>)| {
    let (max_ports, steps) = input;
    let Some(max_ports) = MaxPorts::new(u32::from(max_ports)) else {
        return;
    };
    let mut handshake = Handshake::new(max_ports);
    for step in steps {
        perform(&mut handshake, step);
    }
    let most = MESSAGES_A_PORT * (max_ports.get() as usize);
    send(&mut handshake, most);
    assert_eq!(handshake.next_message(), None, "it has no end of messages");
});

fn perform(handshake: &mut Handshake, step: Step) {
    let port = |id: u8| PortId::new(u32::from(id)).expect("small");
    match step {
        Step::Receive(bytes) => receive(handshake, &bytes),
        Step::ReceiveWords { id, event, value } => {
            receive(handshake, &[id, 0, 0, 0, event, 0, value, 0]);
        }
        Step::Send { most } => send(handshake, most.into()),
        Step::Add { id, name, console } => {
            if let Ok(name) = name.parse() {
                let _taken = handshake.add_port(port(id), PortProfile { name, console });
            }
        }
        Step::Remove(id) => {
            handshake.remove_port(port(id));
        }
        Step::HostOpen(id, open) => {
            handshake.set_host_open(port(id), open);
        }
        Step::AssumeOpen(id) => {
            handshake.assume_guest_open(port(id));
        }
        Step::Resize(id, columns, rows) => {
            handshake.resize(port(id), ConsoleSize { columns, rows });
        }
        Step::Features(bits) => {
            if let Ok(features) = Features::accept(bits & Features::offered().bits()) {
                handshake.set_features(features);
            }
        }
        Step::Reset => handshake.reset(),
        Step::Resume => handshake.resume(),
    }
}

fn receive(handshake: &mut Handshake, bytes: &[u8]) {
    if let Ok(message) = GuestMessage::parse(bytes) {
        let again = GuestMessage::parse(&message.to_bytes());
        assert_eq!(again.expect("our own bytes"), message);
    }
    let _refused = handshake.receive(bytes);
}

fn send(handshake: &mut Handshake, most: usize) {
    for _ in 0..most {
        let Some(message) = handshake.next_message() else {
            return;
        };
        assert!(handshake.max_ports().contains(message.port()));
        assert_eq!(
            HostMessage::parse(&message.to_bytes()).as_ref(),
            Some(&message)
        );
        handshake.commit(&message);
    }
}
