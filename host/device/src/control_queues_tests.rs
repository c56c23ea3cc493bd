//! The handshake on real rings, message by message.

use std::sync::Arc;

use super::*;
use crate::control::{GuestMessage, HostMessage};
use crate::fake_driver::{
    Backing, Buffer, DriverRing, GuestRam, InterruptCounter, ReceiveDriver, TransmitDriver,
};
use crate::features::Features;
use crate::handshake::PortProfile;
use crate::layout::{MaxPorts, PortId};

const SIZE: u16 = 4;

struct Rig {
    ram: GuestRam,
    receive: ReceiveDriver,
    transmit: TransmitDriver,
    queues: ControlQueues,
    interrupt: Arc<InterruptCounter>,
}

fn port(id: u32) -> PortId {
    PortId::new(id).expect("a port id")
}

impl Rig {
    fn new() -> Self {
        Self::with_buffers_of(4096)
    }

    fn with_buffers_of(bytes: u32) -> Self {
        let mut ram = GuestRam::new(0x10_000, Backing::Anonymous).expect("memory");
        let mut receive = ReceiveDriver::new(&mut ram, SIZE, true, bytes).expect("a ring");
        receive.fill().expect("in memory");
        let transmit = TransmitDriver::new(&mut ram, SIZE, true, 64).expect("a ring");
        let mut handshake = Handshake::new(MaxPorts::default());
        handshake.set_features(Features::offered());
        let mut rig = Self {
            ram,
            receive,
            transmit,
            queues: ControlQueues::new(handshake),
            interrupt: Arc::default(),
        };
        rig.attach();
        rig
    }

    fn attach(&mut self) {
        let activate = |spec: crate::ring::QueueSpec| {
            let ring = spec.activate(self.ram.memory(), self.interrupt.clone());
            ring.expect("a good queue")
        };
        let receive = activate(self.receive.ring().spec());
        let transmit = activate(self.transmit.ring().spec());
        self.queues.attach_receive(receive);
        self.queues.attach_transmit(transmit);
    }

    fn add(&mut self, id: u32) {
        let profile = PortProfile {
            name: format!("port-{id}").parse().expect("a name"),
            console: false,
        };
        let added = self.queues.handshake_mut().add_port(port(id), profile);
        added.expect("free");
    }

    fn say(&mut self, message: GuestMessage) {
        let written = self.transmit.write(&message.to_bytes()).expect("in memory");
        assert_eq!(written, HEADER_BYTES);
    }

    fn service(&mut self) -> (Serviced, Vec<GuestEvent>) {
        let mut events = Vec::new();
        let serviced = self.queues.service(&mut |event| events.push(event));
        (serviced.expect("no fault"), events)
    }

    fn hear(&mut self) -> Vec<HostMessage> {
        let next = || self.receive.read_buffer().expect("in memory");
        std::iter::from_fn(next)
            .map(|bytes| HostMessage::parse(&bytes).expect("a message"))
            .collect()
    }
}

#[test]
fn a_guest_is_answered_as_far_as_its_buffers_go() {
    let mut rig = Rig::new();
    for id in 1..=6 {
        rig.add(id);
    }
    rig.say(GuestMessage::DeviceReady(true));
    let (serviced, events) = rig.service();
    assert_eq!(events, [GuestEvent::DeviceReady]);
    assert_eq!((serviced.received, serviced.sent), (1, 4));
    assert!(!serviced.more, "there are no buffers for more");
    let added: Vec<_> = (1..=4).map(|id| HostMessage::PortAdd(port(id))).collect();
    assert_eq!(rig.hear(), added);

    let (serviced, _) = rig.service();
    assert_eq!(serviced.sent, 2);
    let added: Vec<_> = (5..=6).map(|id| HostMessage::PortAdd(port(id))).collect();
    assert_eq!(rig.hear(), added);
    assert_eq!(rig.service(), (Serviced::default(), vec![]));
}

#[test]
fn an_event_is_told_before_its_message_is_returned() {
    let mut rig = Rig::new();
    rig.add(1);
    rig.say(GuestMessage::PortReady { id: 1, ready: true });
    rig.say(GuestMessage::PortOpen { id: 1, open: true });
    rig.say(GuestMessage::PortOpen { id: 1, open: false });
    let mut returned_before = Vec::new();
    let driver = rig.transmit.ring();
    let serviced = rig.queues.service(&mut |event| {
        let returned = driver.used_index().expect("in memory");
        returned_before.push((event, returned));
    });
    assert_eq!(serviced.expect("no fault").received, 3);
    let told = [
        (GuestEvent::PortReady(port(1)), 0),
        (GuestEvent::Opened(port(1)), 1),
        (GuestEvent::Closed(port(1)), 2),
    ];
    assert_eq!(returned_before, told);
    assert_eq!(driver.used_index().expect("in memory"), 3);
    assert!(rig.interrupt.count() > 0);
}

#[test]
fn nonsense_is_returned_counted_and_forgotten() {
    let mut rig = Rig::new();
    rig.transmit.write(b"short").expect("in memory");
    rig.say(GuestMessage::PortOpen { id: 99, open: true });
    let buffer = Buffer {
        address: rig.ram.allocate(8, 8).expect("memory"),
        length: 8,
        writable: true,
    };
    rig.transmit.ring().offer(&[buffer]).expect("room");
    rig.transmit.ring().publish().expect("in memory");
    let (serviced, events) = rig.service();
    assert_eq!(events, []);
    assert_eq!((serviced.received, serviced.ignored), (3, 3));
    let short = ControlFault::TooShort { length: 5 };
    assert_eq!(serviced.first_fault, Some(short));
    assert!(rig.transmit.is_drained().expect("in memory"));
}

#[test]
fn a_buffer_too_small_for_a_message_is_an_error_and_never_overrun() {
    for (bytes, fits) in [(8, false), (13, false), (14, true)] {
        let mut rig = Rig::with_buffers_of(bytes);
        rig.add(1);
        rig.say(GuestMessage::DeviceReady(true));
        rig.service();
        rig.hear();
        rig.say(GuestMessage::PortReady { id: 1, ready: true });
        let serviced = rig.queues.service(&mut |_| {});
        let fault = RingFault::ControlBufferTooSmall {
            given: bytes.into(),
            needed: 14,
        };
        match fits {
            true => assert_eq!(serviced.map(|serviced| serviced.sent), Ok(1)),
            false => {
                assert_eq!(serviced, Err(fault));
                assert_eq!(rig.queues.service(&mut |_| {}), Err(fault));
                assert_eq!(rig.hear(), [], "nothing of it was given to the guest");
            }
        }
    }
}

#[test]
fn a_reset_detaches_both_rings_and_the_ports_stay() {
    let mut rig = Rig::new();
    rig.add(1);
    rig.say(GuestMessage::DeviceReady(true));
    rig.service();
    assert!(rig.queues.detach_receive().is_some());
    assert!(rig.queues.detach_transmit().is_some());
    assert!(rig.queues.detach_transmit().is_none());
    rig.queues.handshake_mut().reset();
    assert_eq!(rig.service(), (Serviced::default(), vec![]));

    rig.receive.reset().expect("in memory");
    rig.transmit.reset().expect("in memory");
    rig.receive.fill().expect("in memory");
    rig.attach();
    rig.queues.handshake_mut().set_features(Features::offered());
    rig.say(GuestMessage::DeviceReady(true));
    let (serviced, _) = rig.service();
    assert_eq!((serviced.received, serviced.sent), (1, 1));
    assert_eq!(rig.hear(), [HostMessage::PortAdd(port(1))]);
}

#[test]
fn a_message_may_lie_in_several_buffers() {
    let mut rig = Rig::new();
    rig.add(1);
    let bytes = GuestMessage::PortReady { id: 1, ready: true }.to_bytes();
    let base = rig.ram.allocate(64, 8).expect("memory");
    let memory = vm_memory::GuestAddressSpace::memory(&rig.ram.memory());
    let mut buffers = Vec::new();
    for (place, byte) in (base.0..).step_by(2).zip(bytes) {
        let address = vm_memory::GuestAddress(place);
        vm_memory::Bytes::write_obj(&*memory, byte, address).expect("in memory");
        buffers.push(Buffer {
            address,
            length: 1,
            writable: false,
        });
    }
    let table = rig.ram.allocate(128, 16).expect("memory");
    rig.transmit
        .ring()
        .offer_indirect(table, &buffers)
        .expect("room");
    rig.transmit.ring().publish().expect("in memory");
    assert_eq!(rig.service().1, [GuestEvent::PortReady(port(1))]);
}

#[test]
fn a_looped_control_chain_is_a_fault() {
    let mut rig = Rig::new();
    let looped = crate::fake_driver::RawDescriptor {
        flags: crate::fake_driver::RawDescriptor::NEXT,
        ..Default::default()
    };
    let ring: &mut DriverRing = rig.transmit.ring();
    ring.write_descriptor(0, looped).expect("in the table");
    ring.offer_head(0).expect("in memory");
    ring.publish().expect("in memory");
    let fault = rig.queues.service(&mut |_| {});
    assert!(matches!(fault, Err(RingFault::Chain { head: 0, .. })));
    assert_eq!(rig.queues.service(&mut |_| {}), fault);
}
