//! What a plugin's imports reach: the words of the contract as Rust types, and
//! the trait that a session implements.

use std::any::Any;
use std::fmt;
use std::time::Duration;

pub use crate::bindings::portunus::port::channel::{ConnectError, SendError};
pub use crate::bindings::portunus::port::log::Level as LogLevel;
pub use crate::bindings::portunus::port::timer::TimerError;
pub use crate::bindings::portunus::port::types::{Client, CloseReason, OpenReason, Peer, PortInfo};

/// One byte stream of a session. Never used for two streams in one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u64);

impl ChannelId {
    /// The guest's end of the port.
    pub const GUEST: Self = Self(0);
}

impl fmt::Display for ChannelId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// What a plugin orders for one of its channels. None of them can fail; one for
/// a channel that is not open does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// No more `on-data` for this channel, from the next call on.
    Pause,
    /// `on-data` again, at the first byte that was not taken.
    Resume,
    /// The end of what the plugin sends, after what it has sent.
    Finish,
    /// Close, after what has been sent has gone.
    Close,
}

/// A number for the host's metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Added to a counter.
    Count(u64),
    /// The new value of a gauge. May be any float, NaN included.
    Gauge(f64),
}

/// The host's half of the contract, as one session gives it to one plugin.
///
/// Each function is called while a call into the plugin runs, on that call's
/// task, and must not wait: the plugin's clock is running. Ids, names, tokens
/// and data come from the plugin as they are, but where it says otherwise.
pub trait Host: Any + Send {
    /// Takes bytes for `channel`'s peer and returns how many, from the first
    /// on. `data` is the plugin's own memory, and of any length up to it.
    fn send(&mut self, channel: ChannelId, data: &[u8]) -> Result<usize, SendError>;

    /// Pauses, resumes, finishes or closes a channel.
    fn steer(&mut self, channel: ChannelId, order: ChannelOrder);

    /// Begins to connect to a target that the port's table grants by this name.
    fn connect(&mut self, target: &str) -> Result<ChannelId, ConnectError>;

    /// Sets or moves the timer with this token.
    fn set_timer(&mut self, token: u64, after: Duration) -> Result<(), TimerError>;

    /// Forgets a timer.
    fn cancel_timer(&mut self, token: u64);

    /// Writes one message to the host's log. It is safe to print: escaped, cut
    /// at the instance's `log_bytes`, and at most `log_rate` come in a second.
    fn log(&mut self, level: LogLevel, message: &str);

    /// Counts or sets a metric. The name is one of at most as many as
    /// the instance's limits allow, of `a-z`, `0-9` and `_`.
    fn measure(&mut self, name: &str, value: Measure);

    /// The plugin has done all that `on-stop` asked for.
    fn stopped(&mut self);
}
