//! A port's channels beside the guest's: host programs that connected to its
//! socket, and targets that its plugin connected to.
//!
//! `channel` is one of them: a connection (`link`), the bytes that wait at it, and
//! how far it has come (`progress`); `target` is one on its way. `calls` tells the plugin what is due. All of
//! it belongs to the session's one task: the plugin's host has it while there is
//! an instance, so that imports reach it without a lock, and the session while
//! there is none.

mod calls;
mod channel;
mod link;
mod progress;
mod target;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use portunus_plugin::{
    ChannelId, ChannelOrder, Client, CloseReason, ConnectError, OpenReason, Peer, SendError,
};
use tokio::net::{UnixListener, UnixStream};

pub(super) use self::calls::{Given, serve};
use self::channel::Channel;
use self::link::Link;
use self::target::Attempt;
pub use self::target::{Address, Target};
use super::counters::{Counters, PeerCounters, add, get, set};
use super::limits::PortLimits;
use crate::config::Limit;
use crate::rarely::Rarely;

/// How long a listener rests that the system refused a connection: it is out of
/// descriptors, most likely.
const REFUSED_REST: Duration = Duration::from_millis(100);

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

/// Bytes that may wait at a target, each way: as much as at a client of which
/// nothing else is said.
const TARGET_BUFFER_BYTES: usize = 64 << 10;

/// The channels of one port, by default none and no way to become one. Moving
/// it is cheap.
#[derive(Default)]
pub struct Channels(Option<Box<Table>>);

struct Table {
    plan: ChannelPlan,
    limits: PortLimits,
    /// Until when nobody is accepted.
    rest_until: Option<Instant>,
    open: BTreeMap<ChannelId, Channel>,
    /// Connections that the plugin has begun.
    attempts: BTreeMap<ChannelId, Attempt>,
    last_id: ChannelId,
    counters: Arc<Counters>,
    refused: Rarely,
    unaccepted: Rarely,
}

impl Channels {
    /// No channels yet, but ways to come by them, where the plan has any.
    pub fn new(plan: ChannelPlan, limits: PortLimits, counters: Arc<Counters>) -> Self {
        if plan.listen.is_none() && plan.targets.is_empty() {
            return Self::default();
        }
        Self(Some(Box::new(Table {
            plan,
            limits,
            rest_until: None,
            open: BTreeMap::new(),
            attempts: BTreeMap::new(),
            last_id: ChannelId::GUEST,
            counters,
            refused: Rarely::default(),
            unaccepted: Rarely::default(),
        })))
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

    /// When [`changed`](Self::changed) is to be asked again.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.0.as_ref()?.rest_until
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

impl Table {
    /// Accepts a client, goes on connecting, writes what waits, and tells whether
    /// there is something to do; the task is woken when there is.
    fn poll(&mut self, context: &mut Context<'_>, heard: bool) -> bool {
        let mut ready = self.poll_accept(context) | self.poll_attempts(context);
        for channel in self.open.values_mut() {
            channel.flush(self.counters.of(channel.peer()));
            ready |= channel.poll(context, heard);
        }
        ready
    }

    /// Accepts one client, so that those who are there have their turn. One too
    /// many is let go at once: it sees the end of the connection.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> bool {
        let Some(listen) = &self.plan.listen else {
            return false;
        };
        let now = Instant::now();
        if self.rest_until.is_some_and(|until| now < until) {
            return false;
        }
        self.rest_until = None;
        match listen.socket.poll_accept(context) {
            Poll::Pending => false,
            Poll::Ready(Ok((stream, _))) => {
                let (clients, room) = (listen.clients, listen.buffer_bytes);
                self.admit(stream, clients, usize::try_from(room).unwrap_or(usize::MAX));
                true
            }
            Poll::Ready(Err(error)) => {
                self.rest_until = now.checked_add(REFUSED_REST);
                if let Some(times) = self.unaccepted.again() {
                    tracing::warn!(%error, times, "a client could not be accepted");
                }
                true
            }
        }
    }

    fn admit(&mut self, stream: UnixStream, limit: u64, buffer_bytes: usize) {
        // One that is gone already has no name.
        let client = client(&stream).unwrap_or(Client {
            pid: 0,
            uid: u32::MAX,
            gid: u32::MAX,
        });
        let Client { pid, uid, gid } = client;
        if self.count(|peer| matches!(peer, Peer::Client(_))) >= limit || self.is_full() {
            add(&self.counters.clients.refused, 1);
            if let Some(times) = self.refused.again() {
                tracing::warn!(
                    pid,
                    uid,
                    gid,
                    limit,
                    times,
                    "a client is refused: as many are connected as `listen.clients` and \
                     `limit.channels` allow"
                );
            }
            return;
        }
        let Some(id) = self.next_id() else { return };
        tracing::debug!(channel = %id, pid, uid, gid, "a client connected");
        let peer = Peer::Client(client);
        self.insert(id, Channel::new(peer, Link::Unix(stream), buffer_bytes));
    }

    fn connect(&mut self, name: &str) -> Result<ChannelId, ConnectError> {
        let granted = self.plan.targets.iter().find(|target| target.name == name);
        let target = granted.ok_or(ConnectError::NotGranted)?;
        let begun = u64::try_from(self.attempts.len()).unwrap_or(u64::MAX);
        let connected = self.count(|peer| matches!(peer, Peer::Target(_)));
        let limit = self.limits.connects;
        if begun.saturating_add(connected) >= limit {
            self.counters.strikes.strike(Limit::Connects, limit);
            return Err(ConnectError::TooMany);
        }
        if self.is_full() {
            return Err(ConnectError::TooMany);
        }
        let attempt = Attempt::new(target);
        let id = self.next_id().ok_or(ConnectError::TooMany)?;
        self.attempts.insert(id, attempt);
        Ok(id)
    }

    /// Whether there are as many channels as there may be, which then strikes.
    fn is_full(&self) -> bool {
        let channels = self.open.len().saturating_add(self.attempts.len());
        let limit = self.limits.channels;
        let full = u64::try_from(channels).is_ok_and(|channels| channels >= limit);
        if full {
            self.counters.strikes.strike(Limit::Channels, limit);
        }
        full
    }

    fn count(&self, is_meant: impl Fn(&Peer) -> bool) -> u64 {
        let meant = self
            .open
            .values()
            .filter(|channel| is_meant(channel.peer()));
        u64::try_from(meant.count()).unwrap_or(u64::MAX)
    }

    /// A number that no channel had.
    fn next_id(&mut self) -> Option<ChannelId> {
        self.last_id = ChannelId(self.last_id.0.checked_add(1)?);
        Some(self.last_id)
    }

    /// Goes on with what the plugin has begun; true where any of it has ended.
    fn poll_attempts(&mut self, context: &mut Context<'_>) -> bool {
        let mut connected = Vec::new();
        let mut over = false;
        for (id, attempt) in &mut self.attempts {
            match attempt.poll(context) {
                Poll::Pending => {}
                Poll::Ready(Some(link)) => connected.push((*id, link)),
                Poll::Ready(None) => over = true,
            }
        }
        let ready = over || !connected.is_empty();
        for (id, link) in connected {
            if let Some(attempt) = self.attempts.remove(&id) {
                let target = attempt.target().to_owned();
                tracing::debug!(channel = %id, target, "connected to a target");
                let peer = Peer::Target(target);
                self.insert(id, Channel::new(peer, link, TARGET_BUFFER_BYTES));
            }
        }
        ready
    }

    fn insert(&mut self, id: ChannelId, channel: Channel) {
        let counters = self.counters.of(channel.peer());
        add(&counters.connected, 1);
        add(&counters.open, 1);
        self.open.insert(id, channel);
    }

    fn remove(&mut self, id: ChannelId) {
        if let Some(mut channel) = self.open.remove(&id) {
            tracing::debug!(channel = %id, "a channel is closed");
            let counters = self.counters.of(channel.peer());
            channel.abandon(counters);
            set(&counters.open, get(&counters.open).saturating_sub(1));
        }
    }

    fn orphan(&mut self) {
        self.attempts.clear();
        let unasked = self.open.iter().filter(|(_, channel)| channel.is_unasked());
        let unasked: Vec<_> = unasked.map(|(id, _)| *id).collect();
        for id in unasked {
            self.remove(id);
        }
        self.open.values_mut().for_each(Channel::orphan);
    }
}

/// What is left has no plugin any more: it is closed, and what waits counted.
impl Drop for Table {
    fn drop(&mut self) {
        while let Some((id, _)) = self.open.first_key_value() {
            self.remove(*id);
        }
    }
}

/// The program at the other end, as the kernel knew it when it connected.
fn client(stream: &UnixStream) -> Option<Client> {
    let peer = stream.peer_cred().ok()?;
    Some(Client {
        pid: peer.pid().and_then(|pid| pid.try_into().ok()).unwrap_or(0),
        uid: peer.uid(),
        gid: peer.gid(),
    })
}

#[cfg(test)]
#[path = "channels_tests.rs"]
mod tests;
