//! What the guest and the session share of one port: its rings, the bytes that
//! wait for the guest, its opens and closes.
//!
//! Three parties reach a [`Port`]: the door attaches and detaches its rings,
//! the control task notes that the guest opened or closed it, and the session
//! (its plugin's imports included) moves its bytes. One lock makes a detached
//! ring a synchronous answer even while a plugin computes; on the data path
//! nobody else holds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use portunus_device::Interrupt;
use portunus_device::layout::PortId;
use portunus_device::port_queue::{ReceiveQueue, TransmitQueue};
use portunus_device::ring::{Ring, RingFault, RingIndex};
use tokio::sync::Notify;

use super::byte_queue::ByteQueue;
use super::counters::{Counters, add};
use super::edges::{CloseCause, Edge, Edges};
use super::limits::PortLimits;
use super::throttle::Throttle;
use crate::config::{ByteRate, ByteSize, Limit};
use crate::kick::{Bell, Kick, kicked};

/// A ring as the door hands it over, with its descriptors.
pub struct KickedRing {
    /// The ring itself.
    pub ring: Ring,
    /// Rung by the driver.
    pub kick: Kick,
    /// Rung by us when the guest broke the ring.
    pub error: Arc<Bell>,
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

struct Attached<Queue> {
    queue: Queue,
    kick: Kick,
    error: Arc<Bell>,
    broken: bool,
}

impl<Queue> Attached<Queue> {
    /// Does something with the queue unless the guest has broken it.
    fn with<T>(
        &mut self,
        port: &Port,
        act: impl FnOnce(&mut Queue) -> Result<T, RingFault>,
    ) -> Option<T> {
        if self.broken {
            return None;
        }
        act(&mut self.queue)
            .inspect_err(|fault| self.rest(port, fault))
            .ok()
    }

    /// Lets a ring rest that the guest has broken.
    fn rest(&mut self, port: &Port, fault: &RingFault) {
        self.broken = true;
        let port_name = &port.label;
        match fault {
            // A driver takes its leave, and what was under way with it.
            RingFault::Withdrawn { .. } => {
                tracing::warn!(port_name, %fault, "the ring rests until the device is reset");
            }
            _ => {
                self.error.signal();
                add(&port.counters.guest_faults, 1);
                tracing::error!(
                    port_name, %fault,
                    "the guest broke one of the port's rings; it rests until the device is reset"
                );
            }
        }
    }
}

impl Attached<ReceiveQueue> {
    /// Puts bytes into the guest's buffers and tells how many.
    fn push(&mut self, port: &Port, data: &[u8]) -> usize {
        let pushed = self.with(port, |queue| {
            let count = queue.push(data)?;
            queue.notify()?;
            Ok(count)
        });
        add(&port.counters.to_guest_bytes, pushed.unwrap_or(0));
        pushed.unwrap_or(0)
    }
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
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The door's half.
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

/// The session's half.
impl Port {
    /// Copies bytes of the guest's that belong to the open period that the
    /// plugin was told of, and tells how many. The chains they came in are
    /// completed.
    pub fn pull(&self, into: &mut [u8]) -> usize {
        let mut state = self.lock();
        if self.console {
            self.drain_console(&mut state);
        }
        let admitted = self.admit(&mut state, into.len());
        let into = into.get_mut(..admitted).unwrap_or_default();
        let pulled = self.take_from_guest(&mut state, into);
        state.from_guest.passed(pulled);
        pulled
    }

    /// How many bytes of the guest's may be taken now, by the port's rate.
    fn admit(&self, state: &mut State, wanted: usize) -> usize {
        let was_closed = state.from_guest.opens_at().is_some();
        let admitted = state.from_guest.admit(wanted);
        let waits = |state: &mut State| match self.console {
            true => !state.backlog.is_empty(),
            false => state.has_chains(self),
        };
        if admitted == 0 && wanted > 0 && !was_closed && waits(state) {
            self.strike_rate();
        }
        admitted
    }

    fn strike_rate(&self) {
        let rate = self.limits.bytes_per_second.unwrap_or_default();
        let rate = ByteRate::from_bytes(rate);
        self.counters.strikes.strike(Limit::Rate, rate);
    }

    fn take_from_guest(&self, state: &mut State, into: &mut [u8]) -> usize {
        if self.console {
            let front = state.backlog.front();
            let count = front.len().min(into.len());
            if let (Some(into), Some(front)) = (into.get_mut(..count), front.get(..count)) {
                into.copy_from_slice(front);
            }
            state.backlog.consume(count);
            return count;
        }
        let boundary = state.edges.front();
        let Some(transmit) = &mut state.transmit else {
            return 0;
        };
        transmit
            .with(self, |queue| {
                let limit = match boundary {
                    Some(Edge::Closed {
                        up_to: Some(index), ..
                    }) => index,
                    _ => queue.available()?,
                };
                let count = queue.pull(limit, into)?;
                queue.notify()?;
                Ok(count)
            })
            .unwrap_or(0)
    }

    /// Empties a console's transmit ring into its backlog, and past the limit
    /// of that into nowhere, with a count.
    fn drain_console(&self, state: &mut State) {
        let State {
            transmit: Some(transmit),
            backlog,
            ..
        } = state
        else {
            return;
        };
        let mut piece = [0; 4096];
        let dropped = transmit.with(self, |queue| {
            let limit = queue.available()?;
            let mut dropped = 0_usize;
            loop {
                let count = queue.pull(limit, &mut piece)?;
                let bytes = piece.get(..count).unwrap_or_default();
                dropped = dropped.saturating_add(count.saturating_sub(backlog.fill(bytes)));
                if count == 0 {
                    break;
                }
            }
            queue.notify()?;
            Ok(dropped)
        });
        let dropped = dropped.unwrap_or(0);
        if dropped > 0 {
            add(&self.counters.console_dropped_bytes, dropped);
            let limit = ByteSize::from_bytes(self.limits.backlog_bytes);
            self.counters.strikes.strike(Limit::Backlog, limit);
        }
    }

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
            add(&self.counters.unread_bytes, unread);
        }
    }

    /// Whether the plugin believes that the guest's end is open.
    pub fn told_open(&self) -> bool {
        self.lock().told_open
    }

    /// Gives bytes to the guest, in its buffers as far as they reach, in the
    /// outbox as far as that has room, and tells how many.
    pub fn send(&self, data: &[u8]) -> usize {
        let mut state = self.lock();
        let pushed = match state.outbox.is_empty() {
            true => self.push(&mut state, data),
            false => 0,
        };
        let rest = data.get(pushed..).unwrap_or_default();
        let taken = pushed.saturating_add(state.outbox.fill(rest));
        if taken > 0 {
            add(&self.counters.sends, 1);
        }
        if taken < data.len() {
            let limit = ByteSize::from_bytes(self.limits.outbox_bytes);
            self.counters.strikes.strike(Limit::Outbox, limit);
        }
        taken
    }

    /// Puts bytes into the guest's buffers, as many as may go there now by the
    /// port's rate, and tells how many.
    fn push(&self, state: &mut State, data: &[u8]) -> usize {
        let was_closed = state.to_guest.opens_at().is_some();
        let Some((receive, throttle)) = state.reachable() else {
            return 0;
        };
        let admitted = throttle.admit(data.len());
        if admitted == 0 && !data.is_empty() && !was_closed {
            self.strike_rate();
        }
        let data = data.get(..admitted).unwrap_or_default();
        let pushed = receive.push(self, data);
        throttle.passed(pushed);
        pushed
    }

    /// Moves what waits in the outbox into the guest's buffers, and tells how
    /// much room the outbox has.
    pub fn flush(&self) -> usize {
        let mut state = self.lock();
        while !state.outbox.is_empty() {
            // Taken out meanwhile: it is looked at beside the rest.
            let mut outbox = std::mem::replace(&mut state.outbox, ByteQueue::new(0));
            let pushed = self.push(&mut state, outbox.front());
            outbox.consume(pushed);
            state.outbox = outbox;
            if pushed == 0 {
                break;
            }
        }
        state.outbox.room()
    }

    /// Whether a plugin that waits to send should be told that there is room:
    /// half of the outbox, since calls for less would come as often as the
    /// guest's buffers.
    pub fn has_room(&self, room: usize) -> bool {
        let half = self.limits.outbox_bytes / 2;
        u64::try_from(room).unwrap_or(u64::MAX) >= half
    }

    /// How many bytes wait for the guest.
    pub fn waiting_bytes(&self) -> usize {
        self.lock().outbox.len()
    }

    /// What cannot wait for a plugin that is busy: a console's ring is drained,
    /// and the outbox goes to a guest that has new buffers.
    pub fn tend(&self) {
        self.flush();
        if self.console {
            let mut state = self.lock();
            self.drain_console(&mut state);
        }
    }

    /// Completes all that the guest has written, unread, and counts it: nothing
    /// answers this port.
    pub fn discard(&self) {
        let mut state = self.lock();
        // What is thrown away is not worth a rate.
        state.from_guest = Throttle::new(None);
        let left = state.backlog.clear();
        add(&self.counters.discarded_bytes, left);
        let Some(transmit) = &mut state.transmit else {
            return;
        };
        let bytes = transmit.with(self, |queue| {
            let limit = queue.available()?;
            let bytes = queue.discard(limit)?;
            queue.notify()?;
            Ok(bytes)
        });
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        add(&self.counters.discarded_bytes, bytes.unwrap_or(0));
    }

    /// Waits until something may have changed: the guest wrote (where `data`
    /// is wanted, and always for a console), it gave buffers for what waits, it
    /// opened or closed the port, the port's rate lets bytes pass again, or the
    /// door changed a ring. Safe to cancel.
    pub async fn changed(&self, data: bool) {
        let Some(wait) = self.arm(data) else {
            return;
        };
        tokio::select! {
            () = self.wake.notified() => {}
            () = kicked(wait.transmit) => {}
            () = kicked(wait.receive) => {}
            () = sleep_until(wait.opens_at) => {}
        }
    }

    /// Asks the guest for kicks, then looks once more: `None` where there is
    /// something to do already. What the port's rate holds back is nothing to
    /// do before its time.
    fn arm(&self, data: bool) -> Option<Wait> {
        let mut state = self.lock();
        let (mut ready, mut wait) = (false, Wait::default());
        let held_back = state.from_guest.opens_at().filter(|_| data);
        wait.opens_at = held_back;
        if (self.console || (data && held_back.is_none()))
            && let Some(attached) = &mut state.transmit
        {
            ready |= attached.with(self, TransmitQueue::arm).unwrap_or(false);
            wait.transmit = Some(attached.kick.clone());
        }
        // A console's ring is empty by then, and kicks nobody.
        ready |= data && held_back.is_none() && state.told_open && !state.backlog.is_empty();
        let held_back = state.to_guest.opens_at();
        if !state.outbox.is_empty()
            && let Some((attached, _)) = state.reachable()
        {
            if held_back.is_some() {
                wait.opens_at = wait.opens_at.into_iter().chain(held_back).min();
            } else {
                ready |= attached.with(self, ReceiveQueue::arm).unwrap_or(false);
                wait.receive = Some(attached.kick.clone());
            }
        }
        (!ready).then_some(wait)
    }
}

/// What a port waits for.
#[derive(Default)]
struct Wait {
    transmit: Option<Kick>,
    receive: Option<Kick>,
    opens_at: Option<Instant>,
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
