//! The plugin: what each call of the host means for the guest's connection.

use std::collections::VecDeque;
use std::time::Duration;

use portunus_plugin_sdk::{Channel, CloseReason, ConnectError, OpenReason, Peer, Plugin, Start};
use portunus_plugin_sdk::{log, metrics, timer};
use serde::{Deserialize, Serialize};

use crate::spec::Spec;

/// How long a target may take to end a connection whose guest is gone. Ten seconds:
/// it has been told the end, and answers to nobody.
const LEAVE: Duration = Duration::from_secs(10);

/// Connections at once whose guest is gone and whose targets read on: a guest that
/// opens and closes its port all the time shall not have the host hold more. Half of
/// what a port may have by default.
const MAX_LEAVING: usize = 4;

/// The guest's connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Link {
    /// There is none: the guest has closed the port, or was shown it closed.
    #[default]
    None,
    /// The guest wants one, and has to wait for one before it to go.
    Wanted,
    /// It was asked for, on this channel.
    Asked(u64),
    /// It is open.
    Open(u64),
    /// Its target sends no more.
    Ended(u64),
}

impl Link {
    fn is(self, channel: Channel) -> bool {
        matches!(
            self,
            Self::Asked(id) | Self::Open(id) | Self::Ended(id) if id == channel.id()
        )
    }

    /// Where the guest's bytes go.
    fn target(self) -> Option<Channel> {
        match self {
            Self::Open(id) | Self::Ended(id) => Some(Channel::from_id(id)),
            Self::None | Self::Wanted | Self::Asked(_) => None,
        }
    }
}

/// What one instance leaves to the next on a reload: what is open.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Connections {
    link: Link,
    /// Those whose guest is gone, until they are, the longest gone first.
    leaving: VecDeque<Leaving>,
}

/// A connection whose guest is gone.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Leaving {
    id: u64,
    /// Whether its target may still read, and end it.
    waits: bool,
}

/// Connects a guest to its target.
#[derive(Debug)]
pub(crate) struct Relay {
    spec: Spec,
    connections: Connections,
}

impl Relay {
    /// The guest has opened the port, or one connection less is in its way.
    fn connect(&mut self) {
        let error = match Channel::connect(&self.spec.target) {
            Ok(channel) => {
                self.connections.link = Link::Asked(channel.id());
                return;
            }
            Err(ConnectError::TooMany) if !self.connections.leaving.is_empty() => {
                self.end_oldest();
                self.connections.link = Link::Wanted;
                return;
            }
            Err(error) => error,
        };
        let why = match error {
            ConnectError::NotGranted => "is not granted; add it to the port's grant.connect",
            ConnectError::TooMany => "has as many connections as the port's limits allow",
            ConnectError::Other(_) => "cannot be connected to by this host",
        };
        log::error(format_args!("target `{}` {why}", self.spec.target));
        self.refuse();
    }

    /// There is no connection to be had: the guest sees its port closed, and may
    /// try again by opening it again.
    fn refuse(&mut self) {
        metrics::count("connections_refused", 1);
        self.connections.link = Link::None;
        hang_up();
    }

    /// Closes the connection that has been without its guest for longest.
    fn end_oldest(&mut self) {
        let mut leaving = self.connections.leaving.iter();
        if let Some(oldest) = leaving.find(|leaving| leaving.waits) {
            self.end(Channel::from_id(oldest.id));
        }
    }

    /// Closes a connection whose guest is gone.
    fn end(&mut self, channel: Channel) {
        for leaving in &mut self.connections.leaving {
            leaving.waits &= leaving.id != channel.id();
        }
        timer::cancel(channel.id());
        channel.close();
    }

    /// The guest is gone: tells its target the end, which may read up to it.
    fn leave(&mut self) {
        let (id, waits) = match std::mem::take(&mut self.connections.link) {
            Link::None | Link::Wanted => return,
            Link::Asked(id) | Link::Ended(id) => (id, false),
            Link::Open(id) => (id, true),
        };
        let channel = Channel::from_id(id);
        self.connections.leaving.push_back(Leaving { id, waits });
        if !waits {
            channel.close();
            return;
        }
        channel.finish();
        // It may have waited for the guest.
        channel.resume();
        set_timer(id);
        let waiting = self
            .connections
            .leaving
            .iter()
            .filter(|leaving| leaving.waits);
        if waiting.count() > MAX_LEAVING {
            self.end_oldest();
        }
    }

    fn is_leaving(&self, channel: Channel) -> bool {
        let mut leaving = self.connections.leaving.iter();
        leaving.any(|leaving| leaving.id == channel.id())
    }
}

impl Plugin for Relay {
    fn new(start: Start) -> Result<Self, String> {
        let spec = Spec::parse(&start)?;
        let connections: Connections = start.saved_json();
        // Timers end with the instance that set them.
        let waiting = connections.leaving.iter().filter(|leaving| leaving.waits);
        waiting.for_each(|leaving| set_timer(leaving.id));
        Ok(Self { spec, connections })
    }

    fn on_open(&mut self, channel: Channel, peer: Peer, why: OpenReason) {
        match (peer, why) {
            (Peer::Guest, OpenReason::New) => self.connect(),
            // Bytes may be lost: a stream that has a hole is ended.
            (Peer::Guest, OpenReason::Restarted) => channel.close(),
            (Peer::Guest, _) if self.connections.link == Link::None => channel.close(),
            (Peer::Guest, _) => {}
            (Peer::Target(_), OpenReason::New) if self.connections.link.is(channel) => {
                metrics::count("connections", 1);
                self.connections.link = Link::Open(channel.id());
                Channel::GUEST.resume();
            }
            (Peer::Target(_), _)
                if self.connections.link.is(channel) || self.is_leaving(channel) => {}
            (Peer::Target(_), _) => channel.close(),
            (Peer::Client(_) | Peer::Other(_), _) => {
                log::warn("closing a host program's connection: only the guest is relayed");
                channel.close();
            }
        }
    }

    fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
        let link = self.connections.link;
        let to = match link {
            // The guest's bytes wait with it.
            Link::Asked(_) | Link::Wanted if channel.is_guest() => return 0,
            _ if channel.is_guest() => link.target(),
            _ => link.is(channel).then_some(Channel::GUEST),
        };
        // To one who is gone nothing can be sent.
        let sent = to.and_then(|to| to.send(data).ok());
        sent.unwrap_or_else(|| {
            metrics::count("bytes_dropped", data.len() as u64);
            data.len()
        })
    }

    fn on_writable(&mut self, channel: Channel) {
        let link = self.connections.link;
        if link.is(channel) {
            Channel::GUEST.resume();
        } else if let Some(target) = link.target().filter(|_| channel.is_guest()) {
            target.resume();
        }
    }

    /// A guest's port has no end of file but its close.
    fn on_end(&mut self, channel: Channel) {
        if self.connections.link.is(channel) {
            self.connections.link = Link::Ended(channel.id());
            hang_up();
        } else {
            self.end(channel);
        }
    }

    fn on_close(&mut self, channel: Channel, why: CloseReason) {
        if channel.is_guest() {
            self.leave();
        } else if self.connections.link.is(channel) {
            if let CloseReason::Refused(reason) = why {
                let target = &self.spec.target;
                log::warn(format_args!(
                    "target `{target}` cannot be reached: {reason}"
                ));
                self.refuse();
            } else {
                self.connections.link = Link::None;
                hang_up();
            }
        } else {
            timer::cancel(channel.id());
            let leaving = &mut self.connections.leaving;
            leaving.retain(|leaving| leaving.id != channel.id());
            if self.connections.link == Link::Wanted {
                self.connect();
            }
        }
    }

    /// A target that was told the end does not end.
    fn on_timer(&mut self, token: u64) {
        self.end(Channel::from_id(token));
    }

    fn save(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.connections).ok()
    }
}

/// Shows the guest its port closed, after what was sent to it. What it still has to
/// say goes where it can, and then its close is told.
fn hang_up() {
    Channel::GUEST.resume();
    Channel::GUEST.close();
}

/// Sets the timer of a connection whose guest is gone: one of [`MAX_LEAVING`], fewer
/// than a port has by default.
fn set_timer(id: u64) {
    if let Err(error) = timer::set(id, LEAVE) {
        log::warn(format_args!(
            "no timer for a connection without its guest, which ends when its target does: \
             {error:?}"
        ));
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
