//! Whatever happens, and in whatever order messages arrive: in the end the
//! guest knows what is wanted, and the host knows what the guest has open.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use crate::config_space::ConsoleSize;
use crate::control::{GuestMessage, HostMessage, MAX_MESSAGE_BYTES};
use crate::features::Features;
use crate::handshake::{GuestEvent, Handshake, PortProfile};
use crate::layout::{MaxPorts, PortId, PortName};

const PORTS: u32 = 4;

/// Something that happens. Messages take as long as they like, and stay in
/// order.
#[derive(Debug, Clone)]
enum Step {
    Add(PortId, bool),
    Remove(PortId),
    HostOpen(PortId, bool),
    Resize(PortId, u16),
    /// The guest gave a buffer, and a message goes into it.
    Say,
    /// The guest's oldest message arrives.
    HostHears,
    /// The host's oldest message arrives.
    GuestHears,
    GuestOpens(PortId),
    GuestCloses(PortId),
    /// The guest reboots. Not `noticed`: its front end does not say so.
    Reboot {
        noticed: bool,
    },
    /// The guest sends something that is not a message, or makes no sense.
    Nonsense(Vec<u8>),
}

fn any_step() -> impl Strategy<Value = Step> {
    let port = || (0..PORTS).prop_map(|id| PortId::new(id).expect("a port id"));
    prop_oneof![
        4 => (port(), any::<bool>()).prop_map(|(id, console)| Step::Add(id, console)),
        3 => port().prop_map(Step::Remove),
        3 => (port(), any::<bool>()).prop_map(|(id, open)| Step::HostOpen(id, open)),
        2 => (port(), 1u16..4).prop_map(|(id, rows)| Step::Resize(id, rows)),
        9 => Just(Step::Say),
        9 => Just(Step::HostHears),
        9 => Just(Step::GuestHears),
        4 => port().prop_map(Step::GuestOpens),
        3 => port().prop_map(Step::GuestCloses),
        1 => any::<bool>().prop_map(|noticed| Step::Reboot { noticed }),
        1 => proptest::collection::vec(any::<u8>(), 0..8).prop_map(Step::Nonsense),
    ]
}

/// A port as one side sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct View {
    name: Option<PortName>,
    console: bool,
    rows: Option<u16>,
    host_open: bool,
}

#[derive(Default)]
struct Guest {
    ports: BTreeMap<PortId, View>,
    open: BTreeMap<PortId, bool>,
    to_host: VecDeque<Vec<u8>>,
}

impl Guest {
    fn say(&mut self, message: GuestMessage) {
        self.to_host.push_back(message.to_bytes().to_vec());
    }

    fn set_open(&mut self, port: PortId, open: bool) {
        let known = self.ports.contains_key(&port);
        if known && self.open.insert(port, open).unwrap_or(false) != open {
            let id = port.get();
            self.say(GuestMessage::PortOpen { id, open });
        }
    }

    /// As Linux's `handle_control_message`.
    fn hear(&mut self, message: &HostMessage) {
        let port = message.port();
        if let HostMessage::PortAdd(_) = message {
            self.ports.entry(port).or_default();
            let id = port.get();
            return self.say(GuestMessage::PortReady { id, ready: true });
        }
        let Some(view) = self.ports.get_mut(&port) else {
            return;
        };
        match message {
            HostMessage::PortAdd(_) => {}
            HostMessage::PortRemove(_) => {
                self.ports.remove(&port);
                self.open.remove(&port);
            }
            HostMessage::ConsolePort(_) => {
                let first = !std::mem::replace(&mut view.console, true);
                if first {
                    self.set_open(port, true);
                }
            }
            HostMessage::Resize(_, size) => {
                assert!(
                    view.console,
                    "Linux ignores a size before it knows a console"
                );
                view.rows = Some(size.rows);
            }
            HostMessage::PortName(_, name) => {
                view.name.get_or_insert_with(|| name.clone());
            }
            HostMessage::PortOpen(_, open) => view.host_open = *open,
        }
    }
}

struct World {
    handshake: Handshake,
    guest: Guest,
    to_guest: VecDeque<HostMessage>,
    wanted: BTreeMap<PortId, View>,
    /// What the events say is open.
    events_open: BTreeMap<PortId, bool>,
    generation: u32,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            handshake: Handshake::new(MaxPorts::new(PORTS).expect("a size of device")),
            guest: Guest::default(),
            to_guest: VecDeque::new(),
            wanted: BTreeMap::new(),
            events_open: BTreeMap::new(),
            generation: 0,
        };
        world.boot(true);
        world
    }

    fn boot(&mut self, noticed: bool) {
        if noticed {
            self.handshake.reset();
            self.handshake.set_features(Features::offered());
            self.events_open.clear();
        }
        self.guest = Guest::default();
        self.to_guest.clear();
        self.guest.say(GuestMessage::DeviceReady(true));
        if !noticed {
            // A new driver says this before it looks at what came. A PORT_ADD
            // that went out before we heard it would be answered twice.
            self.host_hears();
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Add(id, console) => self.add(id, console),
            Step::Remove(id) => {
                let there = self.wanted.remove(&id).is_some();
                assert_eq!(self.handshake.remove_port(id), there);
                self.events_open.remove(&id);
            }
            Step::HostOpen(id, open) => {
                let there = self.handshake.set_host_open(id, open);
                if let Some(view) = self.wanted.get_mut(&id) {
                    view.host_open = open;
                }
                assert_eq!(there, self.wanted.contains_key(&id));
            }
            Step::Resize(id, rows) => {
                let size = ConsoleSize { columns: 1, rows };
                let done = self.handshake.resize(id, size);
                let console = self.wanted.get_mut(&id).filter(|view| view.console);
                assert_eq!(done, console.is_some());
                if let Some(view) = console {
                    view.rows = Some(rows);
                }
            }
            Step::Say => drop(self.say()),
            Step::HostHears => drop(self.host_hears()),
            Step::GuestHears => drop(self.guest_hears()),
            Step::GuestOpens(id) => self.guest.set_open(id, true),
            Step::GuestCloses(id) => self.guest.set_open(id, false),
            Step::Reboot { noticed } => self.boot(noticed),
            Step::Nonsense(bytes) => self.guest.to_host.push_back(bytes),
        }
    }

    fn add(&mut self, id: PortId, console: bool) {
        self.generation = self.generation.saturating_add(1);
        let text = format!("port-{}", self.generation);
        let name: PortName = text.parse().expect("a name");
        let profile = PortProfile {
            name: name.clone(),
            console,
        };
        let taken = self.wanted.contains_key(&id);
        assert_eq!(self.handshake.add_port(id, profile).is_err(), taken);
        self.wanted.entry(id).or_insert(View {
            name: Some(name),
            console,
            ..View::default()
        });
    }

    fn say(&mut self) -> Option<()> {
        let message = self.handshake.next_message()?;
        assert!(message.to_bytes().len() <= MAX_MESSAGE_BYTES);
        self.handshake.commit(&message);
        self.to_guest.push_back(message);
        Some(())
    }

    fn host_hears(&mut self) -> Option<()> {
        let message = self.guest.to_host.pop_front()?;
        match self.handshake.receive(&message) {
            Ok(Some(GuestEvent::DeviceReady)) => self.events_open.clear(),
            Ok(Some(GuestEvent::Opened(id))) => {
                let before = self.events_open.insert(id, true);
                assert_ne!(before, Some(true), "opened twice");
            }
            Ok(Some(GuestEvent::Closed(id))) => {
                let before = self.events_open.insert(id, false);
                assert_eq!(before, Some(true), "closed without an open");
            }
            Ok(_) => {}
            Err(_) => assert!(message.len() < 8, "a sane message was refused: {message:?}"),
        }
        Some(())
    }

    fn guest_hears(&mut self) -> Option<()> {
        let message = self.to_guest.pop_front()?;
        self.guest.hear(&message);
        Some(())
    }

    /// Lets everything arrive.
    fn settle(&mut self) {
        for _ in 0..1000 {
            let said = self.say().is_some();
            let heard = self.guest_hears().is_some();
            let answered = self.host_hears().is_some();
            if !(said || heard || answered) {
                return;
            }
        }
        panic!("the handshake never comes to rest");
    }

    fn check(&self) {
        assert_eq!(self.guest.ports, self.wanted);
        for id in (0..PORTS).filter_map(PortId::new) {
            let open = self.guest.open.get(&id).copied().unwrap_or(false);
            assert_eq!(self.handshake.is_guest_open(id), open, "port {id}");
            let by_events = self.events_open.get(&id).copied().unwrap_or(false);
            assert_eq!(by_events, open, "port {id}, by events");
        }
    }
}

proptest! {
    #[test]
    fn both_sides_agree_in_the_end(steps in proptest::collection::vec(any_step(), 0..120)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.settle();
        world.check();
    }

    #[test]
    fn what_waits_for_a_guest_without_buffers_is_bounded(
        steps in proptest::collection::vec(any_step(), 0..200),
    ) {
        let mut world = World::new();
        for step in steps {
            if !matches!(step, Step::Say) {
                world.step(step);
            }
        }
        let messages = std::iter::from_fn(|| world.say()).count();
        // PORT_REMOVE and PORT_ADD, or what there is to say of a port.
        prop_assert!(messages <= 4 * 4, "{messages} messages");
    }
}
