//! The session's half of a port: its bytes, each way.

use std::time::Instant;

use portunus_device::port_queue::{ReceiveQueue, TransmitQueue};

use super::{Port, State, sleep_until};
use crate::config::{ByteRate, ByteSize, Limit};
use crate::kick::{Kick, kicked};
use crate::session::byte_queue::ByteQueue;
use crate::session::counters::add;
use crate::session::edges::Edge;
use crate::session::throttle::Throttle;

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
                // What was copied counts: a fault is the next call's answer.
                let _latched = queue.notify();
                Ok(count)
            })
            .unwrap_or(0)
    }

    /// Empties a console's transmit ring into its backlog, and past the limit
    /// of that into nowhere, with a count: what is dropped is not even read,
    /// since a guest can make a few chains of very many bytes.
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
            loop {
                let room = backlog.room().min(piece.len());
                let room = piece.get_mut(..room).unwrap_or_default();
                let count = queue.pull(limit, room)?;
                if count == 0 {
                    break;
                }
                backlog.fill(room.get(..count).unwrap_or_default());
            }
            let dropped = queue.discard(limit)?;
            let _latched = queue.notify();
            Ok(dropped)
        });
        let dropped = dropped.unwrap_or(0);
        if dropped > 0 {
            add(&self.counters.console_dropped_bytes, dropped);
            let limit = ByteSize::from_bytes(self.limits.backlog_bytes);
            self.counters.strikes.strike(Limit::Backlog, limit);
        }
    }

    /// Gives bytes to the guest, in its buffers as far as they reach, in the
    /// outbox as far as that has room, and tells how many.
    pub fn send(&self, data: &[u8]) -> usize {
        let taken = self.place(data);
        if taken > 0 {
            add(&self.counters.sends, 1);
        }
        if taken < data.len() {
            let limit = ByteSize::from_bytes(self.limits.outbox_bytes);
            self.counters.strikes.strike(Limit::Outbox, limit);
        }
        taken
    }

    /// Gives bytes to the guest from outside of the session, all of them, as soon
    /// as there is room: what a user types. One task at a time may do so.
    pub async fn give(&self, mut data: &[u8]) {
        while !data.is_empty() {
            let taken = self.place(data);
            data = data.get(taken..).unwrap_or_default();
            // The session waits for the guest's buffers from now on.
            self.wake.notify_one();
            if taken == 0 {
                self.room.notified().await;
            }
        }
    }

    /// Puts bytes into the guest's buffers and the outbox, as far as these reach,
    /// and tells how many.
    fn place(&self, data: &[u8]) -> usize {
        let mut state = self.lock();
        let pushed = match state.outbox.is_empty() {
            true => self.push(&mut state, data),
            false => 0,
        };
        let rest = data.get(pushed..).unwrap_or_default();
        pushed.saturating_add(state.outbox.fill(rest))
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
    /// much room the outbox has. Once the guest has closed the port, what waits
    /// reaches nobody: it is dropped, so that a plugin that waits for room goes on
    /// to take what came before the close.
    pub fn flush(&self) -> usize {
        let mut state = self.lock();
        if state.told_open && matches!(state.edges.front(), Some(Edge::Closed { .. })) {
            add(&self.counters.unread_bytes, state.outbox.clear());
        }
        while !state.outbox.is_empty() {
            // Taken out meanwhile: it is looked at beside the rest.
            let mut outbox = std::mem::replace(&mut state.outbox, ByteQueue::new(0));
            let pushed = self.push(&mut state, outbox.front());
            outbox.consume(pushed);
            state.outbox = outbox;
            self.room.notify_one();
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
            let _latched = queue.notify();
            Ok(bytes)
        });
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        add(&self.counters.discarded_bytes, bytes.unwrap_or(0));
    }

    /// Forgets what waits either way, and counts it: nobody will fetch it.
    pub fn abandon(&self) {
        let mut state = self.lock();
        add(&self.counters.unread_bytes, state.outbox.clear());
        add(&self.counters.discarded_bytes, state.backlog.clear());
        self.room.notify_one();
    }

    /// Waits until something may have changed: the guest wrote (where `data`
    /// is wanted, and always for a console), it gave buffers for what waits, it
    /// opened or closed the port, the port's rate lets bytes pass again, or the
    /// door changed a ring. Safe to cancel.
    pub async fn changed(&self, data: bool) {
        let Some(wait) = self.arm(data) else {
            // A guest that never pauses must not keep the thread from others.
            tokio::task::coop::consume_budget().await;
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
