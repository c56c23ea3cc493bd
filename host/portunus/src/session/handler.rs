//! What a session asks of whatever answers its port: a plugin's instance, or
//! native code that stands in its place.

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use portunus_plugin::{ChannelId, CloseReason, Fault, Host, Instance, OpenReason, Peer};

use super::channels::Channels;
use super::plugin_host::PluginHost;
use super::port::Port;
use super::recipe::StartFault;

/// What answers one port. Its calls are those of the contract (`wit/port.wit`),
/// never two at once; one that fails is the handler's last. What native code does not
/// care about it does not write: it has nothing to keep safe at a stop. One method for each,
/// so more than a trait of ours usually has.
pub trait Handler: Send {
    /// What the handler's own calls reach. The session reads there, between two
    /// calls, what the last one asked for.
    fn host(&self) -> &PluginHost;

    /// The same, to change it.
    fn host_mut(&mut self) -> &mut PluginHost;

    /// A channel opened.
    fn on_open(
        &mut self,
        channel: ChannelId,
        peer: &Peer,
        why: &OpenReason,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        let _ = (channel, peer, why);
        ready(Ok(()))
    }

    /// Bytes from a channel's peer. Answers how many were taken, from the first
    /// on.
    fn on_data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
    ) -> impl Future<Output = Result<usize, Fault>> + Send;

    /// There is room again on a channel that had too little.
    fn on_writable(
        &mut self,
        channel: ChannelId,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        let _ = channel;
        ready(Ok(()))
    }

    /// A channel's peer sends no more.
    fn on_end(&mut self, channel: ChannelId) -> impl Future<Output = Result<(), Fault>> + Send {
        let _ = channel;
        ready(Ok(()))
    }

    /// A channel closed.
    fn on_close(
        &mut self,
        channel: ChannelId,
        why: &CloseReason,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        let _ = (channel, why);
        ready(Ok(()))
    }

    /// A timer is due.
    fn on_timer(&mut self, token: u64) -> impl Future<Output = Result<(), Fault>> + Send {
        let _ = token;
        ready(Ok(()))
    }

    /// The host is going down, and waits for `grace` at most.
    fn on_stop(&mut self, grace: Duration) -> impl Future<Output = Result<(), Fault>> + Send {
        let _ = grace;
        self.host_mut().stopped();
        ready(Ok(()))
    }
}

/// What handlers of one port are made from: the first, and each that takes the
/// place of one that failed.
pub trait HandlerRecipe: Send + Sync + 'static {
    /// What is made.
    type Handler: Handler;

    /// What they are called.
    fn name(&self) -> &str;

    /// Makes one that is ready to be called. It takes the port's channels over;
    /// where there is none, they stay.
    fn instance(
        &self,
        port: &Arc<Port>,
        channels: &mut Channels,
    ) -> impl Future<Output = Result<Self::Handler, StartFault>> + Send;

    /// Counts what a handler has and what it lost, after its calls.
    fn count(handler: &mut Self::Handler);
}

impl Handler for Instance<PluginHost> {
    fn host(&self) -> &PluginHost {
        self.host()
    }

    fn host_mut(&mut self) -> &mut PluginHost {
        self.host_mut()
    }

    async fn on_open(
        &mut self,
        channel: ChannelId,
        peer: &Peer,
        why: &OpenReason,
    ) -> Result<(), Fault> {
        self.on_open(channel, peer, why).await
    }

    async fn on_data(&mut self, channel: ChannelId, data: &[u8]) -> Result<usize, Fault> {
        self.on_data(channel, data).await
    }

    async fn on_writable(&mut self, channel: ChannelId) -> Result<(), Fault> {
        self.on_writable(channel).await
    }

    async fn on_end(&mut self, channel: ChannelId) -> Result<(), Fault> {
        self.on_end(channel).await
    }

    async fn on_close(&mut self, channel: ChannelId, why: &CloseReason) -> Result<(), Fault> {
        self.on_close(channel, why).await
    }

    async fn on_timer(&mut self, token: u64) -> Result<(), Fault> {
        self.on_timer(token).await
    }

    async fn on_stop(&mut self, grace: Duration) -> Result<(), Fault> {
        self.on_stop(grace).await
    }
}
