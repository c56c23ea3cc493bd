//! A port's channels beside the guest's: host programs that connected to its
//! socket, and targets that its plugin connected to.
//!
//! `channel` is one of them: a connection (`link`), the bytes that wait at it, and
//! how far it has come (`progress`); `target` is one on its way. `table` has all of
//! them, and `calls` tells the plugin what is due.
//!
//! It belongs to the session's one task: the plugin's host has it while there is an
//! instance, so that imports reach it without a lock, and the session while there
//! is none.

mod calls;
mod channel;
mod link;
mod progress;
mod table;
mod target;

use std::future::poll_fn;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use portunus_plugin::{
    ChannelId, ChannelOrder, CloseReason, ConnectError, OpenReason, Peer, SendError,
};
use tokio::net::UnixListener;

pub(super) use self::calls::{Given, serve};
use self::channel::Channel;
use self::table::Table;
pub use self::target::{Address, Target};
use super::counters::{Counters, PeerCounters, add};
use super::limits::PortLimits;

/// The socket where host programs become channels, and what they may use up.
#[derive(Debug)]
pub struct Listen {
    /// The socket. Nobody else accepts there.
    pub socket: UnixListener,
    /// Clients at once.
    pub clients: u64,
    /// Bytes that may wait at each, each way.
    pub buffer_bytes: u64,
}

/// How a port comes by channels beside the guest's. By default not at all.
#[derive(Debug, Default)]
pub struct ChannelPlan {
    /// Where host programs connect.
    pub listen: Option<Listen>,
    /// Where the plugin may connect.
    pub targets: Vec<Target>,
}

/// The channels of one port, by default none and no way to become one. Moving
/// it is cheap.
#[derive(Default)]
pub struct Channels(Option<Box<Table>>);

impl Channels {
    /// No channels yet, but ways to come by them, where the plan has any.
    pub fn new(plan: ChannelPlan, limits: PortLimits, counters: Arc<Counters>) -> Self {
        if plan.listen.is_none() && plan.targets.is_empty() {
            return Self::default();
        }
        Self(Some(Box::new(Table::new(plan, limits, counters))))
    }

    /// Whether there can be any.
    fn exist(&self) -> bool {
        self.0.is_some()
    }

    /// Gives bytes to a channel's peer.
    pub(super) fn send(&mut self, id: ChannelId, data: &[u8]) -> Result<usize, SendError> {
        let (channel, counters) = self.get(id).ok_or(SendError::NotOpen)?;
        channel.send(data, counters)
    }

    /// Does what the plugin orders for a channel.
    pub(super) fn order(&mut self, id: ChannelId, order: ChannelOrder) {
        if let Some((channel, counters)) = self.get(id) {
            channel.order(order, counters);
        } else if let (ChannelOrder::Close, Some(table)) = (order, &mut self.0)
            && let Some(attempt) = table.attempts.get_mut(&id)
        {
            attempt.close();
        }
    }

    /// Begins to connect to a target.
    pub(super) fn connect(&mut self, name: &str) -> Result<ChannelId, ConnectError> {
        let table = self.0.as_mut().ok_or(ConnectError::NotGranted)?;
        table.connect(name)
    }

    /// The plugin's instance failed: the next one is told of every channel anew,
    /// and knows nothing of what was only begun.
    pub(super) fn orphan(&mut self) {
        if let Some(table) = &mut self.0 {
            table.orphan();
        }
    }

    /// Looks at what happened outside, and does what needs no plugin.
    async fn look(&mut self) {
        let Some(table) = &mut self.0 else { return };
        poll_fn(|context| {
            // What is ready is served next.
            let _ready = table.poll(context, true);
            Poll::Ready(())
        })
        .await;
    }

    /// Waits until there is something to do, by the plugin where `heard`, or by
    /// us. Safe to cancel.
    pub(super) async fn changed(&mut self, heard: bool) {
        match &mut self.0 {
            Some(table) => {
                poll_fn(|context| match table.poll(context, heard) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
            }
            None => std::future::pending().await,
        }
    }

    /// Writes what waits at each peer, until nothing does. Safe to cancel.
    pub(super) async fn drain(&mut self) {
        let Some(table) = &mut self.0 else { return };
        while table.owes() {
            poll_fn(
                |context| match table.poll_open(context, false) || !table.owes() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                },
            )
            .await;
        }
    }

    /// When [`changed`](Self::changed) is to be asked again.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let table = self.0.as_ref()?;
        let closing = table.open.values().filter_map(Channel::close_by);
        closing.chain(table.rest_until).min()
    }

    /// The newest number that any channel has or had.
    fn last_id(&self) -> ChannelId {
        self.0
            .as_ref()
            .map_or(ChannelId::GUEST, |table| table.last_id)
    }

    /// The first channel within a range.
    fn first_in(&self, range: impl RangeBounds<ChannelId>) -> Option<ChannelId> {
        let mut open = self.0.as_ref()?.open.range(range);
        open.next().map(|(id, _)| *id)
    }

    /// The first connection within a range that did not come to be, which is
    /// forgotten, and why.
    fn take_over(
        &mut self,
        range: impl RangeBounds<ChannelId>,
    ) -> Option<(ChannelId, CloseReason)> {
        let table = self.0.as_mut()?;
        let mut over = table.attempts.range(range);
        let (id, why) = over.find_map(|(id, attempt)| Some((*id, attempt.over()?.clone())))?;
        let attempt = table.attempts.remove(&id)?;
        if let CloseReason::Refused(why) = &why {
            let target = attempt.target();
            tracing::debug!(channel = %id, target, %why, "a target cannot be connected to");
            add(&table.counters.targets.refused, 1);
        }
        Some((id, why))
    }

    fn get(&mut self, id: ChannelId) -> Option<(&mut Channel, &PeerCounters)> {
        let table = self.0.as_mut()?;
        let channel = table.open.get_mut(&id)?;
        let counters = table.counters.of(channel.peer());
        Some((channel, counters))
    }

    /// Who opened a channel, where the plugin is to be told now.
    fn take_open(&mut self, id: ChannelId) -> Option<(Peer, OpenReason)> {
        let (channel, _) = self.get(id)?;
        let why = channel.take_open()?;
        Some((channel.peer().clone(), why))
    }

    /// Why a channel closes, where it does now, and whether the plugin is to be
    /// told: it is gone.
    fn take_close(&mut self, id: ChannelId) -> Option<(CloseReason, bool)> {
        let table = self.0.as_mut()?;
        let channel = table.open.get_mut(&id)?;
        let why = channel.close_due()?;
        let told = channel.tells_close();
        table.remove(id);
        Some((why, told))
    }
}

#[cfg(test)]
#[path = "channels_tests.rs"]
mod tests;
