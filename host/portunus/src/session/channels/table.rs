//! The table of a port's channels beside the guest's: who comes, who goes, and
//! how many there may be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use portunus_plugin::{ChannelId, Client, ConnectError, Peer};
use tokio::net::UnixStream;

use super::ChannelPlan;
use super::channel::Channel;
use super::link::Link;
use super::target::Attempt;
use crate::config::Limit;
use crate::rarely::Rarely;
use crate::session::counters::{Counters, add, get, set};
use crate::session::limits::PortLimits;

/// How long a listener rests that the system refused a connection: it is out of
/// descriptors, most likely.
const REFUSED_REST: Duration = Duration::from_millis(100);

/// Bytes that may wait at a target, each way: as much as at a client of which
/// nothing else is said.
const TARGET_BUFFER_BYTES: usize = 64 << 10;

pub(super) struct Table {
    plan: ChannelPlan,
    limits: PortLimits,
    /// Until when nobody is accepted.
    pub(super) rest_until: Option<Instant>,
    pub(super) open: BTreeMap<ChannelId, Channel>,
    /// Connections that the plugin has begun.
    pub(super) attempts: BTreeMap<ChannelId, Attempt>,
    /// The newest number that any channel has or had.
    pub(super) last_id: ChannelId,
    pub(super) counters: Arc<Counters>,
    refused: Rarely,
    unaccepted: Rarely,
}

impl Table {
    pub(super) fn new(plan: ChannelPlan, limits: PortLimits, counters: Arc<Counters>) -> Self {
        Self {
            plan,
            limits,
            rest_until: None,
            open: BTreeMap::new(),
            attempts: BTreeMap::new(),
            last_id: ChannelId::GUEST,
            counters,
            refused: Rarely::default(),
            unaccepted: Rarely::default(),
        }
    }

    /// Accepts a client, goes on connecting, writes what waits, and tells whether
    /// there is something to do; the task is woken when there is.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, heard: bool) -> bool {
        let ready = self.poll_accept(context) | self.poll_attempts(context);
        ready | self.poll_open(context, heard)
    }

    /// Writes what waits, and tells whether there is something to do for an open
    /// channel.
    pub(super) fn poll_open(&mut self, context: &mut Context<'_>, heard: bool) -> bool {
        let now = Instant::now();
        let mut ready = false;
        for channel in self.open.values_mut() {
            let counters = self.counters.of(channel.peer());
            channel.expire(now);
            ready |= channel.poll(context, heard, counters);
        }
        ready
    }

    /// Whether anything waits for a peer that it can reach.
    pub(super) fn owes(&self) -> bool {
        self.open.values().any(Channel::writes)
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

    /// Begins to connect to a target.
    pub(super) fn connect(&mut self, name: &str) -> Result<ChannelId, ConnectError> {
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

    /// Closes a channel, and counts what waits at it.
    pub(super) fn remove(&mut self, id: ChannelId) {
        if let Some(mut channel) = self.open.remove(&id) {
            tracing::debug!(channel = %id, "a channel is closed");
            let counters = self.counters.of(channel.peer());
            channel.abandon(counters);
            set(&counters.open, get(&counters.open).saturating_sub(1));
        }
    }

    /// The plugin's instance failed: what no other can know of is closed.
    pub(super) fn orphan(&mut self) {
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
