//! One byte stream of a plugin's port.

use std::fmt;

use crate::host::channel as host;
use crate::{ConnectError, SendError};

/// One byte stream: the guest's end of the port, a host program connected to
/// the port's socket, or a target that the plugin connected to. A number, to be
/// copied freely and used as a key; never used for two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(u64);

impl Channel {
    /// The guest's end of the port.
    pub const GUEST: Self = Self(0);

    /// The channel of this number, as the contract counts them.
    pub const fn from_id(id: u64) -> Self {
        Self(id)
    }

    /// The channel's number.
    pub const fn id(self) -> u64 {
        self.0
    }

    /// Whether this is the guest's end of the port.
    pub fn is_guest(self) -> bool {
        self == Self::GUEST
    }

    /// Gives bytes to the peer and returns how many were taken, from the first
    /// on. Fewer than given, down to 0, means that the peer is slower than the
    /// plugin: keep the rest, and send it when
    /// [`on_writable`](crate::Plugin::on_writable) comes.
    ///
    /// # Errors
    ///
    /// The channel is not open, or [`finish`](Self::finish) was called on it.
    pub fn send(self, data: &[u8]) -> Result<usize, SendError> {
        // A `u32` always fits: a component's memory has 32-bit addresses.
        host::send(self.0, data).map(|taken| usize::try_from(taken).unwrap_or(usize::MAX))
    }

    /// Stops [`on_data`](crate::Plugin::on_data) for this channel from the next
    /// call on. The peer's bytes wait where they are.
    pub fn pause(self) {
        host::pause(self.0);
    }

    /// Starts [`on_data`](crate::Plugin::on_data) again, at the first byte that
    /// was not taken. Does nothing to a channel that is not paused.
    pub fn resume(self) {
        host::resume(self.0);
    }

    /// Says that no more will be sent: the peer sees the end of the stream, and
    /// can still send. A guest's port has no such thing: there it only makes
    /// later sends fail.
    pub fn finish(self) {
        host::finish(self.0);
    }

    /// Closes the channel after what has been sent has gone.
    /// [`on_close`](crate::Plugin::on_close) follows.
    pub fn close(self) {
        host::close(self.0);
    }

    /// Begins to connect to a target, by the name that the port's table grants
    /// it under. [`on_open`](crate::Plugin::on_open) or
    /// [`on_close`](crate::Plugin::on_close) with `Refused` tells the outcome.
    ///
    /// # Errors
    ///
    /// The table grants no such target, or too many connections are open.
    pub fn connect(target: &str) -> Result<Self, ConnectError> {
        host::connect(target).map(Self)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {}", self.0)
    }
}
