//! The door's half of a port: its rings come and go.

use portunus_device::port_queue::{ReceiveQueue, TransmitQueue};
use portunus_device::ring::RingIndex;

use super::attached::Attached;
use super::{KickedRing, Port, PortState};
use crate::session::edges::{CloseCause, Edge};

impl Port {
    /// Starts to take the guest's bytes from this ring.
    pub fn attach_transmit(&self, ring: KickedRing) {
        let mut state = self.lock();
        let (at, taken) = std::mem::take(&mut state.within);
        let taken = if at == ring.ring.next_available() {
            taken
        } else {
            0
        };
        state.transmit = Some(Attached {
            queue: TransmitQueue::resume(ring.ring, taken),
            kick: ring.kick,
            error: ring.error,
            broken: false,
        });
        drop(state);
        self.wake.notify_one();
    }

    /// A new driver's rings begin at their first chains, whole.
    pub fn begin_anew(&self) {
        let mut state = self.lock();
        state.within = (RingIndex(0), 0);
        if let Some(transmit) = &mut state.transmit {
            transmit.queue.forget_pulled();
        }
    }

    /// Starts to give bytes to the guest through this ring.
    pub fn attach_receive(&self, ring: KickedRing) {
        self.lock().receive = Some(Attached {
            queue: ReceiveQueue::new(ring.ring),
            kick: ring.kick,
            error: ring.error,
            broken: false,
        });
        self.wake.notify_one();
    }

    /// Lets go of the transmit ring and tells where it stood.
    pub fn detach_transmit(&self) -> Option<RingIndex> {
        let mut state = self.lock();
        let queue = state.transmit.take()?.queue;
        let at = queue.next_available();
        state.within = (at, queue.pulled_of_head());
        drop(state);
        self.wake.notify_one();
        Some(at)
    }

    /// Lets go of the receive ring and tells where it stood.
    pub fn detach_receive(&self) -> Option<RingIndex> {
        let attached = self.lock().receive.take()?;
        self.wake.notify_one();
        Some(attached.queue.next_available())
    }

    /// Takes over the rings of the port that had this number before.
    pub fn adopt(&self, former: &Self) {
        let (transmit, receive, within) = {
            let mut former = former.lock();
            (former.transmit.take(), former.receive.take(), former.within)
        };
        let mut state = self.lock();
        (state.transmit, state.receive, state.within) = (transmit, receive, within);
        drop(state);
        self.wake.notify_one();
    }

    /// The device was reset, or is gone: the guest's end is closed, and what a
    /// ring still held is gone with it.
    pub fn lose(&self, why: &'static str) {
        let mut state = self.lock();
        state.edges.forget_boundaries();
        let told_open = state.told_open;
        let lost = Edge::Closed {
            up_to: None,
            cause: CloseCause::Lost(why),
        };
        state.edges.push(lost, told_open);
        drop(state);
        self.wake.notify_one();
    }

    /// Whether the guest's end is open, as far as the device knows.
    pub fn is_open(&self) -> bool {
        let state = self.lock();
        state.edges.open_after(state.told_open)
    }

    /// How the port stands.
    pub fn state(&self) -> PortState {
        let state = self.lock();
        PortState {
            open: state.edges.open_after(state.told_open),
            outbox_bytes: state.outbox.len(),
            backlog_bytes: state.backlog.len(),
        }
    }
}
