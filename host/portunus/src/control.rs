//! The control queues as a task: it takes the guest's control messages, tells
//! the ports what they say, and sends what the handshake wants sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portunus_device::Interrupt;
use portunus_device::control_queues::{ControlQueues, Serviced};
use portunus_device::features::Features;
use portunus_device::handshake::{GuestEvent, Handshake};
use portunus_device::layout::{MaxPorts, PortId};
use portunus_device::ring::{Ring, RingFault, RingIndex};
use tokio::sync::Notify;

use crate::kick::{Kick, kicked};
use crate::rarely::worth_telling;
use crate::session::port::KickedRing;

/// The device's control queues and its handshake, shared by the door (rings
/// come and go), the sessions (the host's end opens and closes) and the task.
pub struct Control {
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    queues: ControlQueues,
    transmit: Option<Descriptors>,
    receive: Option<Descriptors>,
    /// What the driver negotiated: it says so before it starts its rings, and
    /// a reset of the handshake must not forget it.
    features: Features,
    broken: bool,
    faults: ControlFaults,
}

/// What the guest did wrong on the control queues so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ControlFaults {
    /// Messages that made no sense, and were ignored.
    pub ignored: u64,
    /// How often it broke a ring.
    pub rings: u64,
}

struct Descriptors {
    kick: Kick,
    error: Arc<dyn Interrupt>,
}

impl Control {
    /// Control queues without rings, for a device of this size.
    pub fn new(max_ports: MaxPorts) -> Self {
        Self {
            state: Mutex::new(State {
                queues: ControlQueues::new(Handshake::new(max_ports)),
                transmit: None,
                receive: None,
                features: Features::default(),
                broken: false,
                faults: ControlFaults::default(),
            }),
            wake: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let outcome = act(&mut self.lock());
        self.wake.notify_one();
        outcome
    }

    /// Changes what the host wants the guest to know, and has it told.
    pub fn announce<T>(&self, change: impl FnOnce(&mut Handshake) -> T) -> T {
        self.change(|state| change(state.queues.handshake_mut()))
    }

    /// Opens or closes the host's end of a port.
    pub fn set_host_open(&self, id: PortId, open: bool) {
        self.announce(|handshake| handshake.set_host_open(id, open));
    }

    /// Takes a port for open in the guest though no message said so.
    pub fn assume_guest_open(&self, id: PortId) {
        self.announce(|handshake| handshake.assume_guest_open(id));
    }

    /// What the guest did wrong so far.
    pub fn faults(&self) -> ControlFaults {
        self.lock().faults
    }

    /// The driver and the device agreed on these features.
    pub fn negotiated(&self, features: Features) {
        self.change(|state| {
            state.features = features;
            state.queues.handshake_mut().set_features(features);
        });
    }

    /// A new driver starts from nothing, with the features it negotiated.
    pub fn reset(&self) {
        self.change(|state| {
            let features = state.features;
            let handshake = state.queues.handshake_mut();
            handshake.reset();
            handshake.set_features(features);
        });
    }

    /// Starts to take the guest's messages from this ring.
    pub fn attach_transmit(&self, ring: KickedRing) {
        self.change(|state| {
            let (ring, descriptors) = split(ring);
            state.queues.attach_transmit(ring);
            state.transmit = Some(descriptors);
            state.broken = false;
        });
    }

    /// Starts to send messages through this ring.
    pub fn attach_receive(&self, ring: KickedRing) {
        self.change(|state| {
            let (ring, descriptors) = split(ring);
            state.queues.attach_receive(ring);
            state.receive = Some(descriptors);
            state.broken = false;
        });
    }

    /// Lets go of the transmit ring and tells where it stood.
    pub fn detach_transmit(&self) -> Option<RingIndex> {
        self.change(|state| {
            state.transmit = None;
            state
                .queues
                .detach_transmit()
                .map(|ring| ring.next_available())
        })
    }

    /// Lets go of the receive ring and tells where it stood.
    pub fn detach_receive(&self) -> Option<RingIndex> {
        self.change(|state| {
            state.receive = None;
            state
                .queues
                .detach_receive()
                .map(|ring| ring.next_available())
        })
    }

    /// Serves the control queues until it is aborted. `on_event` is called for
    /// each thing that the guest says, before its buffer is returned.
    pub async fn run(self: Arc<Self>, mut on_event: impl FnMut(GuestEvent)) {
        loop {
            let Some((transmit, receive)) = self.serve(&mut on_event) else {
                tokio::task::yield_now().await;
                continue;
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = kicked(transmit) => {}
                () = kicked(receive) => {}
            }
        }
    }

    /// Serves what waits, and tells which kicks to wait for: `None` where more
    /// waits already, for which no kick may come.
    fn serve(&self, on_event: &mut impl FnMut(GuestEvent)) -> Option<(Option<Kick>, Option<Kick>)> {
        let mut state = self.lock();
        if state.broken {
            return Some((None, None));
        }
        match state.queues.service(on_event) {
            Ok(serviced) => {
                state.tell_nonsense(&serviced);
                (!serviced.more).then(|| (kick_of(&state.transmit), kick_of(&state.receive)))
            }
            Err(fault) => {
                state.rest(&fault);
                Some((None, None))
            }
        }
    }
}

impl State {
    /// Logs messages that make no sense: the first, and then ever more rarely,
    /// since a guest can send any number of them.
    fn tell_nonsense(&mut self, serviced: &Serviced) {
        let Some(fault) = &serviced.first_fault else {
            return;
        };
        let before = self.faults.ignored;
        self.faults.ignored = before.saturating_add(serviced.ignored);
        if let Some(ignored) = worth_telling(before, self.faults.ignored) {
            tracing::warn!(ignored, %fault, "control messages of the guest's make no sense");
        }
    }

    fn rest(&mut self, fault: &RingFault) {
        self.broken = true;
        for descriptors in self.transmit.iter().chain(&self.receive) {
            descriptors.error.signal();
        }
        match fault {
            // How a driver takes its leave.
            RingFault::Withdrawn { .. } => {
                tracing::debug!(%fault, "the control queues rest until the device is reset");
            }
            _ => {
                self.faults.rings = self.faults.rings.saturating_add(1);
                tracing::error!(%fault, "the guest broke a control queue; both rest until the device is reset");
            }
        }
    }
}

fn kick_of(descriptors: &Option<Descriptors>) -> Option<Kick> {
    descriptors
        .as_ref()
        .map(|descriptors| descriptors.kick.clone())
}

fn split(ring: KickedRing) -> (Ring, Descriptors) {
    let KickedRing { ring, kick, error } = ring;
    (ring, Descriptors { kick, error })
}
