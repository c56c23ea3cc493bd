//! A device whose bus is a function call: its queues, and sessions that only
//! note what happens.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::HostMessage;
use crate::control_queues::{ControlQueues, Serviced};
use crate::fake_driver::{FakeGuest, FakeGuestSpec, InterruptCounter};
use crate::features::Features;
use crate::handshake::{GuestEvent, Handshake, PortProfile};
use crate::layout::{PortId, QueueIndex, QueueRole, queue_role};
use crate::port_queue::{ReceiveQueue, TransmitQueue};
use crate::ring::{QueueSpec, RingFault, RingIndex};

/// The device, and the guest that drives it.
pub(super) struct Rig {
    pub(super) guest: FakeGuest,
    pub(super) control: ControlQueues,
    pub(super) receive: BTreeMap<PortId, ReceiveQueue>,
    pub(super) transmit: BTreeMap<PortId, TransmitQueue>,
    pub(super) events: Vec<GuestEvent>,
    /// Where each transmit queue stood when its port was closed.
    pub(super) boundaries: BTreeMap<PortId, RingIndex>,
    interrupt: Arc<InterruptCounter>,
    spec: FakeGuestSpec,
}

pub(super) fn port(id: u32) -> PortId {
    PortId::new(id).expect("a port id")
}

impl Rig {
    pub(super) fn new(spec: FakeGuestSpec) -> Self {
        let mut rig = Self {
            guest: FakeGuest::new(spec).expect("memory"),
            control: ControlQueues::new(Handshake::new(spec.max_ports)),
            receive: BTreeMap::new(),
            transmit: BTreeMap::new(),
            events: Vec::new(),
            boundaries: BTreeMap::new(),
            interrupt: Arc::default(),
            spec,
        };
        rig.activate();
        rig
    }

    /// A device with these ports, the hosts' ends open, whose guest has booted.
    pub(super) fn booted(ports: &[u32]) -> Self {
        let mut rig = Self::new(FakeGuestSpec::default());
        for id in ports {
            rig.add(*id);
        }
        rig.guest.start().expect("in memory");
        rig.settle();
        rig
    }

    /// The bus makes every queue live.
    pub(super) fn activate(&mut self) {
        let specs = self.guest.queue_specs();
        self.control
            .handshake_mut()
            .set_features(Features::offered());
        for (index, spec) in specs {
            self.activate_queue(index, spec);
        }
    }

    pub(super) fn activate_queue(&mut self, index: QueueIndex, spec: QueueSpec) {
        let memory = self.guest.ram().memory();
        let ring = spec.activate(memory, self.interrupt.clone());
        let ring = ring.expect("a good queue");
        match queue_role(index, self.spec.max_ports).expect("a queue") {
            QueueRole::PortReceive(id) => drop(self.receive.insert(id, ReceiveQueue::new(ring))),
            QueueRole::PortTransmit(id) => drop(self.transmit.insert(id, TransmitQueue::new(ring))),
            QueueRole::ControlReceive => self.control.attach_receive(ring),
            QueueRole::ControlTransmit => self.control.attach_transmit(ring),
        }
    }

    /// The bus resets the device.
    pub(super) fn reset(&mut self) {
        self.receive.clear();
        self.transmit.clear();
        self.control.detach_receive();
        self.control.detach_transmit();
        self.control.handshake_mut().reset();
    }

    /// Adds a port whose host's end is open.
    pub(super) fn add(&mut self, id: u32) {
        let profile = PortProfile {
            name: format!("org.example.{id}").parse().expect("a name"),
            console: id == 0,
        };
        let handshake = self.control.handshake_mut();
        handshake.add_port(port(id), profile).expect("free");
        handshake.set_host_open(port(id), true);
    }

    pub(super) fn service(&mut self) -> Result<Serviced, RingFault> {
        let Self {
            control,
            events,
            boundaries,
            transmit,
            ..
        } = self;
        control.service(&mut |event| {
            events.push(event);
            if let GuestEvent::Closed(id) = event
                && let Some(queue) = transmit.get(&id)
            {
                let boundary = queue.probe().available_index();
                boundaries.insert(id, boundary.expect("in memory"));
            }
        })
    }

    /// Control messages go to and fro until there are none.
    pub(super) fn settle(&mut self) -> Vec<HostMessage> {
        let mut heard = Vec::new();
        for _ in 0..10_000 {
            let serviced = self.service().expect("no fault");
            let messages = self.guest.pump().expect("in memory");
            let idle = messages.is_empty() && serviced.received == 0;
            heard.extend(messages);
            if idle && self.guest.control_returned().expect("in memory") {
                return heard;
            }
        }
        panic!("the handshake never comes to rest");
    }

    /// All that waits on a port, before the guest's index as it is now.
    pub(super) fn pull(&mut self, id: u32) -> Vec<u8> {
        let queue = self.transmit.get_mut(&port(id)).expect("a queue");
        let limit = queue.available().expect("no fault");
        self.pull_until(id, limit)
    }

    /// All that waits on a port, before `limit`.
    pub(super) fn pull_until(&mut self, id: u32, limit: RingIndex) -> Vec<u8> {
        let queue = self.transmit.get_mut(&port(id)).expect("a queue");
        let mut into = [0; 1000];
        let mut all = Vec::new();
        while let pulled = queue.pull(limit, &mut into).expect("no fault")
            && pulled > 0
        {
            all.extend(&into[..pulled]);
        }
        all
    }

    pub(super) fn push(&mut self, id: u32, data: &[u8]) -> usize {
        let queue = self.receive.get_mut(&port(id)).expect("a queue");
        queue.push(data).expect("no fault")
    }

    pub(super) fn write(&mut self, id: u32, data: &[u8]) {
        let written = self.guest.write(port(id), data).expect("a port");
        assert_eq!(written, data.len(), "room in the queue");
    }

    pub(super) fn read(&mut self, id: u32) -> Vec<u8> {
        self.guest.read(port(id)).expect("a port")
    }
}
