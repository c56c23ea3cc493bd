//! What a plugin's imports reach: the guest's end of its port, the other
//! channels, its timers, the log. It lives in the instance's store and goes with
//! it; what must outlive an instance is the session's, which takes the channels
//! back before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portunus_plugin::{
    ChannelId, ChannelOrder, ConnectError, Host, Instance, LogLevel, Losses, Measure, SendError,
    TimerError,
};

use super::channels::Channels;
use super::counters::{add, set};
use super::port::Port;
use super::timers::Timers;
use crate::config::Limit;
use crate::logging;

/// The host's side of one instance. The session reads, between two calls, what
/// the plugin asked for in the last one.
pub struct PluginHost {
    port: Arc<Port>,
    /// The plugin wants no more bytes of the guest's for now.
    pub paused: bool,
    /// The plugin will send no more.
    pub finished: bool,
    /// The plugin closed the guest's channel.
    pub closed: bool,
    /// A `send` took less than it was given.
    pub wants_writable: bool,
    /// The channels beside the guest's.
    pub channels: Channels,
    /// What the plugin waits for.
    pub timers: Timers,
    /// The plugin said that its `on-stop` is done.
    pub stopped: bool,
    /// The losses that are counted already.
    counted: Losses,
}

impl PluginHost {
    /// A host side for a new instance: nothing paused, no timers.
    pub fn new(port: Arc<Port>) -> Self {
        let timers = Timers::new(port.limits.timers);
        Self {
            port,
            paused: false,
            finished: false,
            closed: false,
            wants_writable: false,
            channels: Channels::default(),
            timers,
            stopped: false,
            counted: Losses::default(),
        }
    }

    /// Counts what an instance has, and what it lost since the last time.
    pub fn count(plugin: &mut Instance<Self>) {
        let (memory_bytes, losses) = (plugin.memory_bytes(), plugin.losses());
        let host = plugin.host_mut();
        let counters = &host.port.counters;
        set(&counters.memory_bytes, memory_bytes);
        if losses == host.counted {
            return;
        }
        let counted = std::mem::replace(&mut host.counted, losses);
        let since = |now: u64, then: u64| now.saturating_sub(then);
        add(
            &counters.log_messages_dropped,
            since(losses.log_messages, counted.log_messages),
        );
        add(
            &counters.log_messages_cut,
            since(losses.log_messages_cut, counted.log_messages_cut),
        );
        add(
            &counters.output_dropped_bytes,
            since(losses.output_bytes, counted.output_bytes),
        );
        add(
            &counters.measures_refused,
            since(losses.measures, counted.measures),
        );
    }
}

impl Host for PluginHost {
    fn send(&mut self, channel: ChannelId, data: &[u8]) -> Result<usize, SendError> {
        if channel != ChannelId::GUEST {
            return self.channels.send(channel, data);
        }
        if self.closed {
            return Err(SendError::NotOpen);
        }
        if self.finished {
            return Err(SendError::Finished);
        }
        let taken = self.port.send(data);
        self.wants_writable |= taken < data.len();
        Ok(taken)
    }

    fn steer(&mut self, channel: ChannelId, order: ChannelOrder) {
        if channel != ChannelId::GUEST {
            return self.channels.order(channel, order);
        }
        match order {
            ChannelOrder::Pause => self.paused = true,
            ChannelOrder::Resume => self.paused = false,
            ChannelOrder::Finish => self.finished = true,
            ChannelOrder::Close => self.closed = true,
        }
    }

    /// No table can grant a target yet, so none is granted.
    fn connect(&mut self, _target: &str) -> Result<ChannelId, ConnectError> {
        Err(ConnectError::NotGranted)
    }

    fn set_timer(&mut self, token: u64, after: Duration) -> Result<(), TimerError> {
        let set = self.timers.set(token, Instant::now(), after);
        if set {
            Ok(())
        } else {
            let limit = self.port.limits.timers;
            self.port.counters.strikes.strike(Limit::Timers, limit);
            Err(TimerError::TooMany)
        }
    }

    fn cancel_timer(&mut self, token: u64) {
        self.timers.cancel(token);
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        match level {
            LogLevel::Error => tracing::error!(target: logging::PLUGIN, "{message}"),
            LogLevel::Warn => tracing::warn!(target: logging::PLUGIN, "{message}"),
            LogLevel::Info => tracing::info!(target: logging::PLUGIN, "{message}"),
            LogLevel::Debug => tracing::debug!(target: logging::PLUGIN, "{message}"),
            LogLevel::Trace => tracing::trace!(target: logging::PLUGIN, "{message}"),
        }
    }

    fn measure(&mut self, name: &str, value: Measure) {
        let counters = &self.port.counters;
        if !counters
            .measures
            .take(name, value, self.port.limits.metrics)
        {
            add(&counters.measures_refused, 1);
        }
    }

    fn stopped(&mut self) {
        self.stopped = true;
    }
}
