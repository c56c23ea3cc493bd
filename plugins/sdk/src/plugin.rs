//! The trait that a plugin implements, and what it starts with.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{Channel, CloseReason, OpenReason, Peer, PortInfo, config, lifecycle, log};

/// A plugin: one instance answers one port. The calls never overlap, each must
/// return within the port's `limit.cpu` and `limit.wall`, and a panic ends the
/// instance: a new one takes its place.
///
/// One method for each call of the contract, so more than a trait of ours
/// usually has; all but [`new`](Self::new) may be left out.
pub trait Plugin: 'static {
    /// Makes the instance, from its port's configuration and what the instance
    /// before it saved.
    ///
    /// # Errors
    ///
    /// One line that says what in the configuration is wrong. At the start it
    /// is reported as the user's fault; on a reload the old instance goes on.
    fn new(start: Start) -> Result<Self, String>
    where
        Self: Sized;

    /// A channel opened. Called again, with its reason, for each one that was
    /// open when this instance replaced another.
    fn on_open(&mut self, channel: Channel, peer: Peer, why: OpenReason) {
        let _ = (channel, peer, why);
    }

    /// Bytes came: 1 to 65,536 of them, in order, without message boundaries.
    /// Returns how many were taken, from the first on. Fewer than `data.len()`
    /// pauses the channel; the rest comes again after [`Channel::resume`]. More
    /// is an error, as bad as a panic.
    ///
    /// A plugin that leaves this out takes every byte and forgets it.
    fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
        let _ = channel;
        data.len()
    }

    /// There is room again on a channel whose [`Channel::send`] took fewer
    /// bytes than it was given.
    fn on_writable(&mut self, channel: Channel) {
        let _ = channel;
    }

    /// The peer will send no more and can still receive. Never the guest.
    fn on_end(&mut self, channel: Channel) {
        let _ = channel;
    }

    /// The channel closed, after every earlier byte has been taken.
    fn on_close(&mut self, channel: Channel, why: CloseReason) {
        let _ = (channel, why);
    }

    /// A timer that was set with this token by [`timer::set`](crate::timer::set)
    /// is due.
    fn on_timer(&mut self, token: u64) {
        let _ = token;
    }

    /// The host is going down, and waits for at most `grace` until
    /// [`lifecycle::stopped`] is called; other calls go on until then.
    ///
    /// A plugin that leaves this out has nothing to keep safe, and says so.
    fn on_stop(&mut self, grace: Duration) {
        let _ = grace;
        lifecycle::stopped();
    }

    /// What the next instance needs to go on, at most 1 MiB: it comes to its
    /// [`new`](Self::new) as [`Start::saved`]. Changes nothing, as this instance
    /// may well go on.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }
}

/// What an instance starts with.
#[derive(Debug, Clone)]
pub struct Start {
    /// The port it answers.
    pub port: PortInfo,
    /// What the instance before it returned from [`Plugin::save`], on a
    /// reload. Nothing at the first start or after a failure.
    pub saved: Option<Vec<u8>>,
    pub(crate) config: String,
}

impl Start {
    /// The port's `config` table. Give the type `#[serde(deny_unknown_fields)]`,
    /// so that a misspelt key is an error.
    ///
    /// # Errors
    ///
    /// One line that names the key that is wrong, and says how: pass it on from
    /// [`Plugin::new`].
    pub fn config<Config: DeserializeOwned>(&self) -> Result<Config, String> {
        config::parse(&self.config)
    }

    /// What the instance before it saved as JSON, or what an instance begins with
    /// where nothing was saved. What is not understood, of another version say, is
    /// said in the log and left.
    pub fn saved_json<Saved: DeserializeOwned + Default>(&self) -> Saved {
        let saved = self.saved.as_deref().map(serde_json::from_slice);
        saved
            .transpose()
            .unwrap_or_else(|error| {
                log::warn(format_args!(
                    "what the last instance left is not understood: {error}"
                ));
                None
            })
            .unwrap_or_default()
    }

    /// For a plugin that has no configuration.
    ///
    /// # Errors
    ///
    /// One line that names a key that the port's `config` table has.
    pub fn no_config(&self) -> Result<(), String> {
        config::refuse_any(&self.config)
    }
}
