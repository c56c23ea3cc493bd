//! Passes bytes on unread, from the guest to the last client that connected, and
//! back: what a plugin costs that does the least. For the benches.

use portunus_plugin_sdk::{Channel, OpenReason, Peer, Plugin, Start, plugin};

#[derive(Default)]
struct Passing {
    client: Option<Channel>,
}

impl Passing {
    /// Who is at the other end.
    fn other(&self, channel: Channel) -> Option<Channel> {
        match channel.is_guest() {
            true => self.client,
            false => Some(Channel::GUEST),
        }
    }
}

impl Plugin for Passing {
    fn new(start: Start) -> Result<Self, String> {
        start.no_config()?;
        Ok(Self::default())
    }

    fn on_open(&mut self, channel: Channel, _peer: Peer, _why: OpenReason) {
        if !channel.is_guest() {
            self.client = Some(channel);
            Channel::GUEST.resume();
        }
    }

    fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
        let other = self.other(channel);
        other.map_or(0, |other| other.send(data).unwrap_or(data.len()))
    }

    fn on_writable(&mut self, channel: Channel) {
        if let Some(other) = self.other(channel) {
            other.resume();
        }
    }
}

plugin!(Passing);
