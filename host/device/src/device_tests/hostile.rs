//! A guest that writes anything at all into its rings, at any time: no panic,
//! no loop without end, and nothing that grows.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use vm_memory::{Bytes, GuestAddress, GuestAddressSpace};

use crate::control::MAX_MESSAGE_BYTES;
use crate::control_queues::ControlQueues;
use crate::fake_driver::{Backing, DriverRing, GuestRam, InterruptCounter, RawDescriptor};
use crate::features::Features;
use crate::handshake::Handshake;
use crate::layout::{MaxPorts, PortId};
use crate::port_queue::{ReceiveQueue, TransmitQueue};
use crate::ring::{Ring, RingFault, RingIndex};

const SIZE: u16 = 8;
const MEMORY_BYTES: usize = 0x2000;

/// What a hostile guest does between two calls of the device.
#[derive(Debug, Clone)]
enum Deed {
    Descriptor(u16, RawDescriptor),
    Offer(u16),
    Publish,
    AvailableIndex(u16),
    /// Any byte, anywhere: the rings' own fields too.
    Scribble(u64, u8),
}

/// What the device does in between.
#[derive(Debug, Clone)]
enum Call {
    Pull(u16, usize),
    Discard(u16),
    Push(usize),
    Arm,
    Disarm,
    Notify,
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let memory = 0x1000..0x3000u64;
    let address = prop_oneof![6 => memory.clone(), 1 => any::<u64>()];
    let length = prop_oneof![6 => 0u32..64, 2 => (0u32..9).prop_map(|n| n.wrapping_mul(16)), 1 => any::<u32>()];
    let flags = prop_oneof![3 => Just(0), 2 => Just(2), 3 => 0u16..8];
    let descriptor =
        (address, length, flags, 0..SIZE + 1).prop_map(|(address, length, flags, next)| {
            RawDescriptor {
                address,
                length,
                flags,
                next,
            }
        });
    prop_oneof![
        6 => (0..SIZE, descriptor).prop_map(|(index, descriptor)| Deed::Descriptor(index, descriptor)),
        6 => (0..SIZE).prop_map(Deed::Offer),
        6 => Just(Deed::Publish),
        1 => any::<u16>().prop_map(Deed::Offer),
        1 => any::<u16>().prop_map(Deed::AvailableIndex),
        1 => (memory, any::<u8>()).prop_map(|(address, byte)| Deed::Scribble(address, byte)),
    ]
}

fn any_call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => (any::<u16>(), 0usize..100).prop_map(|(limit, bytes)| Call::Pull(limit, bytes)),
        1 => any::<u16>().prop_map(Call::Discard),
        4 => (0usize..100).prop_map(Call::Push),
        1 => Just(Call::Arm),
        1 => Just(Call::Disarm),
        1 => Just(Call::Notify),
    ]
}

struct Rig {
    ram: GuestRam,
    driver: DriverRing,
}

impl Rig {
    fn new(event_idx: bool) -> Self {
        let mut ram = GuestRam::new(MEMORY_BYTES, Backing::Anonymous).expect("memory");
        let driver = DriverRing::new(&mut ram, SIZE, event_idx).expect("a ring");
        Self { ram, driver }
    }

    fn activate(&self) -> Ring {
        let interrupt = Arc::new(InterruptCounter::default());
        let ring = self.driver.spec().activate(self.ram.memory(), interrupt);
        ring.expect("a good queue")
    }

    fn deed(&mut self, deed: Deed) {
        let done = match deed {
            Deed::Descriptor(index, descriptor) => self.driver.write_descriptor(index, descriptor),
            Deed::Offer(head) => self.driver.offer_head(head),
            Deed::Publish => self.driver.publish(),
            Deed::AvailableIndex(index) => self.driver.set_available_index(index),
            Deed::Scribble(address, byte) => {
                let memory = self.ram.memory().memory();
                let scribbled = memory.write_obj(byte, GuestAddress(address));
                scribbled.map_err(Into::into)
            }
        };
        done.expect("in memory");
    }
}

/// Remembers the first fault: the device must say the same ever after.
#[derive(Default)]
struct Verdict(Option<RingFault>);

impl Verdict {
    fn check<T>(&mut self, answer: Result<T, RingFault>) -> Option<T> {
        match (answer, self.0) {
            (Ok(answer), None) => Some(answer),
            (Ok(_), Some(fault)) => panic!("went on after a fault: {fault}"),
            (Err(fault), None) => {
                self.0 = Some(fault);
                None
            }
            (Err(fault), Some(first)) => {
                assert_eq!(fault, first);
                None
            }
        }
    }
}

proptest! {
    #[test]
    fn no_ring_at_all_harms_a_port(
        event_idx: bool,
        transmits: bool,
        steps in vec((vec(any_deed(), 0..12), any_call()), 1..40),
    ) {
        let mut rig = Rig::new(event_idx);
        let mut transmit = transmits.then(|| TransmitQueue::new(rig.activate()));
        let mut receive = (!transmits).then(|| ReceiveQueue::new(rig.activate()));
        let mut verdict = Verdict::default();
        for (deeds, call) in steps {
            deeds.into_iter().for_each(|deed| rig.deed(deed));
            if let Some(queue) = &mut transmit {
                let mut into = [0; 100];
                match call {
                    Call::Pull(limit, bytes) => {
                        let limit = match limit % 4 {
                            0 => Some(RingIndex(limit)),
                            _ => verdict.check(queue.available()),
                        };
                        let answer = limit.map(|limit| queue.pull(limit, &mut into[..bytes]));
                        if let Some(pulled) = answer.and_then(|answer| verdict.check(answer)) {
                            prop_assert!(pulled <= bytes);
                        }
                    }
                    Call::Discard(limit) => drop(verdict.check(queue.discard(RingIndex(limit)))),
                    Call::Push(_) | Call::Arm => drop(verdict.check(queue.arm())),
                    Call::Disarm => drop(verdict.check(queue.disarm())),
                    // Nothing to tell is no call on the ring.
                    Call::Notify => drop(queue.notify()),
                }
                verdict.0 = verdict.0.or(queue.available().err());
            }
            if let Some(queue) = &mut receive {
                match call {
                    Call::Pull(_, bytes) | Call::Push(bytes) => {
                        if let Some(placed) = verdict.check(queue.push(&[7; 100][..bytes])) {
                            prop_assert!(placed <= bytes);
                        }
                    }
                    Call::Discard(_) | Call::Arm => drop(verdict.check(queue.arm())),
                    Call::Disarm => drop(verdict.check(queue.disarm())),
                    Call::Notify => drop(queue.notify()),
                }
                verdict.0 = verdict.0.or(queue.push(&[]).err());
            }
        }
    }

    #[test]
    fn no_rings_at_all_harm_the_control_queues(
        steps in vec((vec(any_deed(), 0..12), vec(any_deed(), 0..12)), 1..30),
    ) {
        let mut receive = Rig::new(true);
        let mut transmit = Rig::new(false);
        let mut handshake = Handshake::new(MaxPorts::default());
        handshake.set_features(Features::offered());
        for id in 0..31 {
            let profile = crate::handshake::PortProfile {
                name: "x".parse().expect("a name"),
                console: id == 0,
            };
            handshake.add_port(PortId::new(id).expect("a port id"), profile).expect("free");
        }
        handshake.resume();
        let mut queues = ControlQueues::new(handshake);
        queues.attach_receive(receive.activate());
        queues.attach_transmit(transmit.activate());
        for (to_guest, from_guest) in steps {
            to_guest.into_iter().for_each(|deed| receive.deed(deed));
            from_guest.into_iter().for_each(|deed| transmit.deed(deed));
            let mut events = 0u64;
            let serviced = queues.service(&mut |_| events = events.saturating_add(1));
            if let Ok(serviced) = serviced {
                prop_assert!(events <= serviced.received);
                prop_assert!(serviced.received <= u64::from(SIZE));
                prop_assert!(serviced.sent <= u64::from(SIZE));
            }
            let message = queues.handshake().next_message();
            prop_assert!(message.is_none_or(|m| m.to_bytes().len() <= MAX_MESSAGE_BYTES));
        }
    }
}
