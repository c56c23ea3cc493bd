//! The handshake on its two rings: control messages in, control messages out.

use crate::MemoryView;
use crate::control::{ControlFault, HEADER_BYTES};
use crate::handshake::{GuestEvent, Handshake};
use crate::ring::{Ring, RingFault};

/// The control queues of a device, and the handshake behind them. The handshake
/// lives on when the rings go: at a reset, or when a front end goes.
pub struct ControlQueues {
    handshake: Handshake,
    /// Messages to the guest.
    receive: Option<Ring>,
    /// Messages from the guest.
    transmit: Option<Ring>,
}

/// What a call of [`ControlQueues::service`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Serviced {
    /// Messages that came, those that were ignored included.
    pub received: u64,
    /// Messages that went.
    pub sent: u64,
    /// Messages that were ignored, since they made no sense.
    pub ignored: u64,
    /// Why the first of them was.
    pub first_fault: Option<ControlFault>,
    /// Whether there may be more to do at once: call again, after others had
    /// their turn.
    pub more: bool,
}

impl ControlQueues {
    /// A handshake without rings.
    pub fn new(handshake: Handshake) -> Self {
        Self {
            handshake,
            receive: None,
            transmit: None,
        }
    }

    /// The handshake, to ask.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// The handshake, to add and remove ports, to open and close. What changes
    /// is sent with the next [`Self::service`].
    pub fn handshake_mut(&mut self) -> &mut Handshake {
        &mut self.handshake
    }

    /// Takes up the queue of messages to the guest.
    pub fn attach_receive(&mut self, ring: Ring) {
        self.receive = Some(ring);
    }

    /// Takes up the queue of messages from the guest.
    pub fn attach_transmit(&mut self, ring: Ring) {
        self.transmit = Some(ring);
    }

    /// Lets go of the queue of messages to the guest.
    pub fn detach_receive(&mut self) -> Option<Ring> {
        self.receive.take()
    }

    /// Lets go of the queue of messages from the guest.
    pub fn detach_transmit(&mut self) -> Option<Ring> {
        self.transmit.take()
    }

    /// Takes the messages that wait, then sends what there is to say while the
    /// guest's buffers last, and asks for kicks again. Call it at each kick of
    /// either queue, and after each change of the handshake. Bounded: at most
    /// as many messages as a queue holds, each way.
    ///
    /// `on_event` is called before the message's buffer is returned: Linux
    /// spins until then, and a close must have been noted by then. So it must
    /// be quick.
    ///
    /// # Errors
    ///
    /// [`RingFault`]: the guest's fault. The device needs a reset.
    pub fn service(&mut self, on_event: &mut dyn FnMut(GuestEvent)) -> Result<Serviced, RingFault> {
        let mut serviced = Serviced::default();
        if let Some(ring) = &mut self.transmit {
            let taken = take_messages(ring, &mut self.handshake, on_event, &mut serviced);
            ring.latched(taken)?;
            serviced.more |= ring.arm()?;
        }
        if let Some(ring) = &mut self.receive {
            let sent = send_messages(ring, &mut self.handshake, &mut serviced);
            ring.latched(sent)?;
            serviced.more |= ring.arm()? && self.handshake.next_message().is_some();
        }
        Ok(serviced)
    }
}

fn take_messages(
    ring: &mut Ring,
    handshake: &mut Handshake,
    on_event: &mut dyn FnMut(GuestEvent),
    serviced: &mut Serviced,
) -> Result<(), RingFault> {
    let view = ring.view()?;
    let available = ring.available_index()?;
    while ring.next_available().is_before(available) {
        let Some(mut chain) = ring.pop_readable(&view)? else {
            break;
        };
        let mut bytes = [0; HEADER_BYTES];
        let copied = chain.copy_to(&view, &mut bytes);
        let length = copied.map_err(RingFault::in_chain(chain.head()))?;
        serviced.received = serviced.received.saturating_add(1);
        match handshake.receive(bytes.get(..length).unwrap_or_default()) {
            Ok(Some(event)) => on_event(event),
            Ok(None) => {}
            Err(fault) => {
                serviced.ignored = serviced.ignored.saturating_add(1);
                serviced.first_fault.get_or_insert(fault);
            }
        }
        ring.complete(&view, chain.finish())?;
    }
    ring.notify_if_wanted()
}

fn send_messages(
    ring: &mut Ring,
    handshake: &mut Handshake,
    serviced: &mut Serviced,
) -> Result<(), RingFault> {
    let view = ring.view()?;
    let available = ring.available_index()?;
    while ring.next_available().is_before(available)
        && let Some(message) = handshake.next_message()
    {
        if !send_message(ring, &view, &message.to_bytes())? {
            break;
        }
        handshake.commit(&message);
        serviced.sent = serviced.sent.saturating_add(1);
    }
    ring.notify_if_wanted()
}

/// Fills one of the guest's buffers. False: there is none.
fn send_message(ring: &mut Ring, memory: &MemoryView, message: &[u8]) -> Result<bool, RingFault> {
    let Some(mut chain) = ring.pop_writable(memory)? else {
        return Ok(false);
    };
    let room = chain.remaining_bytes();
    let copied = chain.copy_from(memory, message);
    if copied.map_err(RingFault::in_chain(chain.head()))? < message.len() {
        return Err(RingFault::ControlBufferTooSmall {
            given: room,
            needed: message.len(),
        });
    }
    ring.complete(memory, chain.finish())?;
    Ok(true)
}

#[cfg(test)]
#[path = "control_queues_tests.rs"]
mod tests;
