//! What the guest and the session share of one port: its rings, the bytes that
//! wait for the guest, its opens and closes.
//!
//! Three parties reach a [`Port`]: the door attaches and detaches its rings,
//! the control task notes that the guest opened or closed it, and the session
//! (its plugin's imports included) moves its bytes. One lock makes a detached
//! ring a synchronous answer even while a plugin computes; on the data path
//! nobody else holds it.
//!
//! `rings` has the door's half and `bytes` the session's; `attached` is one ring
//! while it is there.

mod attached;
mod bytes;
mod rings;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use portunus_device::Interrupt;
use portunus_device::layout::PortId;
use portunus_device::port_queue::{ReceiveQueue, TransmitQueue};
use portunus_device::ring::{Ring, RingIndex};
use tokio::sync::Notify;

use self::attached::Attached;
use super::byte_queue::ByteQueue;
use super::counters::{Counters, add};
use super::edges::{CloseCause, Edge, Edges};
use super::limits::PortLimits;
use super::throttle::Throttle;
use crate::kick::Kick;

/// A ring as the door hands it over, with its descriptors.
pub struct KickedRing {
    /// The ring itself.
    pub ring: Ring,
    /// Rung by the driver.
    pub kick: Kick,
    /// Rung by us when the guest broke the ring.
    pub error: Arc<dyn Interrupt>,
}

/// One port's guest end.
pub struct Port {
    /// The port's number.
    pub id: PortId,
    /// The port's name in our log.
    pub label: String,
    /// Whether the guest sees a console. A console is never throttled: its
    /// driver waits with interrupts off until its buffer is used.
    pub console: bool,
    /// What it may use up.
    pub limits: PortLimits,
    /// What happened so far. Ports that nothing answers share theirs.
    pub counters: Arc<Counters>,
    state: Mutex<State>,
    wake: Notify,
    /// Told when the outbox has room again.
    room: Notify,
}

/// How a port stands at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortState {
    /// Whether the guest's end is open, as far as the device knows.
    pub open: bool,
    /// Bytes that wait for the guest.
    pub outbox_bytes: usize,
    /// Bytes of a console's that wait for its plugin.
    pub backlog_bytes: usize,
}

struct State {
    transmit: Option<Attached<TransmitQueue>>,
    receive: Option<Attached<ReceiveQueue>>,
    edges: Edges,
    /// Whether the plugin believes that the guest's end is open.
    told_open: bool,
    outbox: ByteQueue,
    /// A console's bytes that its plugin has not asked for yet.
    backlog: ByteQueue,
    from_guest: Throttle,
    to_guest: Throttle,
    /// Where the transmit ring stood when it was detached within a chain: that
    /// chain, and how many bytes of it were taken.
    within: (RingIndex, u64),
}

impl Port {
    /// A port without rings, closed at the guest's end.
    pub fn new(id: PortId, label: String, console: bool, limits: PortLimits) -> Self {
        Self::counted(id, label, console, limits, Arc::default())
    }

    /// A port that nothing answers. What it discards is counted together with
    /// what others do.
    pub fn absent(id: PortId, counters: Arc<Counters>) -> Self {
        let label = format!("port {id}, absent");
        Self::counted(id, label, false, PortLimits::DEFAULT, counters)
    }

    fn counted(
        id: PortId,
        label: String,
        console: bool,
        limits: PortLimits,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            id,
            label,
            console,
            limits,
            counters,
            state: Mutex::new(State {
                transmit: None,
                receive: None,
                edges: Edges::default(),
                told_open: false,
                outbox: ByteQueue::new(limits.outbox_bytes),
                backlog: ByteQueue::new(limits.backlog_bytes),
                from_guest: Throttle::new(limits.bytes_per_second),
                to_guest: Throttle::new(limits.bytes_per_second),
                within: (RingIndex(0), 0),
            }),
            wake: Notify::new(),
            room: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The control task's half.
impl Port {
    /// The guest opened the port.
    pub fn guest_opened(&self) {
        let mut state = self.lock();
        let told_open = state.told_open;
        state.edges.push(Edge::Opened, told_open);
        drop(state);
        self.wake.notify_one();
    }

    /// The guest closed the port. Must be called before the control message's
    /// buffer is returned: what the guest writes after that belongs to a later
    /// open.
    pub fn guest_closed(&self) {
        let mut state = self.lock();
        let up_to = state
            .transmit
            .as_mut()
            .and_then(|transmit| transmit.with(self, |queue| queue.available()));
        let told_open = state.told_open;
        state.edges.push(
            Edge::Closed {
                up_to,
                cause: CloseCause::Guest,
            },
            told_open,
        );
        drop(state);
        self.wake.notify_one();
    }
}

/// The session's half of its opens and closes.
impl Port {
    /// What the plugin must be told next of the guest's end, once it has taken
    /// all that came before: `inbox_empty` says whether it has taken what was
    /// pulled.
    pub fn next_edge(&self, inbox_empty: bool) -> Option<Edge> {
        let mut state = self.lock();
        let edge = state.edges.front()?;
        let due = match edge {
            Edge::Opened => true,
            Edge::Closed { up_to, .. } => {
                inbox_empty && state.backlog.is_empty() && state.is_drained(self, up_to)
            }
        };
        due.then_some(edge)
    }

    /// A guest that writes has opened the port, even where no message said so:
    /// this host program may have been started while the guest ran. Notes that
    /// and answers true where it is so.
    pub fn opened_by_writing(&self) -> bool {
        let mut state = self.lock();
        let writes = !state.told_open && state.edges.front().is_none() && state.has_chains(self);
        if writes {
            state.edges.push(Edge::Opened, false);
        }
        writes
    }

    /// Notes that the plugin is being told of the edge that [`next_edge`]
    /// answered. With a close, what no program of the guest's has read is
    /// dropped and counted.
    ///
    /// [`next_edge`]: Self::next_edge
    pub fn tell(&self, edge: Edge) {
        let mut state = self.lock();
        state.edges.pop();
        state.told_open = edge == Edge::Opened;
        if !state.told_open {
            let unread = state.outbox.clear();
            self.room.notify_one();
            add(&self.counters.unread_bytes, unread);
        }
    }

    /// Whether the plugin believes that the guest's end is open.
    pub fn told_open(&self) -> bool {
        self.lock().told_open
    }
}

/// Waits until a time, or for ever where there is none.
pub(super) async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

impl State {
    /// The guest's buffers, and the rate of what goes there, where bytes may go to
    /// the guest: Linux throws away what comes before it has opened the port, and
    /// what comes after a close that the plugin does not know of would reach
    /// the wrong reader.
    fn reachable(&mut self) -> Option<(&mut Attached<ReceiveQueue>, &mut Throttle)> {
        if !self.told_open || self.edges.front().is_some() {
            return None;
        }
        self.receive
            .as_mut()
            .map(|receive| (receive, &mut self.to_guest))
    }

    /// Whether all chains before the boundary have been taken. A ring that is
    /// detached for a while keeps its boundary; one that is gone has none.
    fn is_drained(&mut self, port: &Port, up_to: Option<RingIndex>) -> bool {
        let Some(up_to) = up_to else { return true };
        let Some(transmit) = &mut self.transmit else {
            return false;
        };
        transmit
            .with(port, |queue| Ok(queue.is_drained(up_to)))
            .unwrap_or(true)
    }

    fn has_chains(&mut self, port: &Port) -> bool {
        let Some(transmit) = &mut self.transmit else {
            return false;
        };
        transmit
            .with(port, |queue| {
                let available = queue.available()?;
                Ok(!queue.is_drained(available))
            })
            .unwrap_or(false)
    }
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
