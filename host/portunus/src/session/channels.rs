//! A port's channels beside the guest's: host programs that connected to its
//! socket.
//!
//! `channel` is one of them: a connection (`link`), the bytes that wait at it, and
//! how far it has come (`progress`). `calls` tells the plugin what is due. All of
//! it belongs to the session's one task: the plugin's host has it while there is
//! an instance, so that imports reach it without a lock, and the session while
//! there is none.

mod calls;
mod channel;
mod link;
mod progress;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use portunus_plugin::{ChannelId, ChannelOrder, Client, CloseReason, OpenReason, Peer, SendError};
use tokio::net::{UnixListener, UnixStream};

pub(super) use self::calls::{Given, serve};
use self::channel::Channel;
use self::link::Link;
use super::counters::{Counters, PeerCounters, add, set};
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

/// The channels of one port, by default none and no way to become one. Moving
/// it is cheap.
#[derive(Debug, Default)]
pub struct Channels(Option<Box<Table>>);

#[derive(Debug)]
struct Table {
    listen: Listen,
    /// Until when nobody is accepted.
    rest_until: Option<Instant>,
    open: BTreeMap<ChannelId, Channel>,
    last_id: ChannelId,
    counters: Arc<Counters>,
    refused: Rarely,
    unaccepted: Rarely,
}

impl Channels {
    /// No channels yet, of a port whose clients are counted here.
    pub fn new(listen: Listen, counters: Arc<Counters>) -> Self {
        Self(Some(Box::new(Table {
            listen,
            rest_until: None,
            open: BTreeMap::new(),
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
        }
    }

    /// The plugin's instance failed: the next one is told of every channel anew.
    pub(super) fn orphan(&mut self) {
        let channels = self.0.iter_mut().flat_map(|table| table.open.values_mut());
        channels.for_each(Channel::orphan);
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

    /// The first channel after this one.
    fn next_after(&self, id: ChannelId) -> Option<ChannelId> {
        let mut later = self
            .0
            .as_ref()?
            .open
            .range(ChannelId(id.0.checked_add(1)?)..);
        later.next().map(|(id, _)| *id)
    }

    fn get(&mut self, id: ChannelId) -> Option<(&mut Channel, &PeerCounters)> {
        let table = self.0.as_mut()?;
        let channel = table.open.get_mut(&id)?;
        Some((channel, &table.counters.clients))
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
    /// Accepts a client, writes what waits, and tells whether there is something
    /// to do; the task is woken when there is.
    fn poll(&mut self, context: &mut Context<'_>, heard: bool) -> bool {
        let mut ready = self.poll_accept(context);
        for channel in self.open.values_mut() {
            channel.flush(&self.counters.clients);
            ready |= channel.poll(context, heard);
        }
        ready
    }

    /// Accepts one client, so that those who are there have their turn. One too
    /// many is let go at once: it sees the end of the connection.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> bool {
        let now = Instant::now();
        if self.rest_until.is_some_and(|until| now < until) {
            return false;
        }
        self.rest_until = None;
        match self.listen.socket.poll_accept(context) {
            Poll::Pending => false,
            Poll::Ready(Ok((stream, _))) => {
                self.admit(stream);
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

    fn admit(&mut self, stream: UnixStream) {
        let counters = &self.counters.clients;
        // One that is gone already has no name.
        let client = client(&stream).unwrap_or(Client {
            pid: 0,
            uid: u32::MAX,
            gid: u32::MAX,
        });
        let Client { pid, uid, gid } = client;
        let clients = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        if clients >= self.listen.clients {
            add(&counters.refused, 1);
            if let Some(times) = self.refused.again() {
                let limit = self.listen.clients;
                tracing::warn!(
                    pid,
                    uid,
                    gid,
                    limit,
                    times,
                    "a client is refused: as many are connected as `listen.clients` allows"
                );
            }
            return;
        }
        let Some(id) = self.last_id.0.checked_add(1).map(ChannelId) else {
            return;
        };
        self.last_id = id;
        tracing::debug!(channel = %id, pid, uid, gid, "a client connected");
        let room = usize::try_from(self.listen.buffer_bytes).unwrap_or(usize::MAX);
        let channel = Channel::new(Peer::Client(client), Link::Unix(stream), room);
        self.open.insert(id, channel);
        add(&counters.connected, 1);
        set(&counters.open, self.open.len());
    }

    fn remove(&mut self, id: ChannelId) {
        let counters = &self.counters.clients;
        if let Some(mut channel) = self.open.remove(&id) {
            tracing::debug!(channel = %id, "a channel is closed");
            channel.abandon(counters);
        }
        set(&counters.open, self.open.len());
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
