//! A host that keeps what a plugin does.

use std::time::Duration;

use portunus_plugin::{
    ChannelId, ChannelOrder, ConnectError, Host, LogLevel, Measure, SendError, TimerError,
};

#[derive(Debug, PartialEq)]
pub(crate) enum Deed {
    Sent(ChannelId, Vec<u8>),
    Steered(ChannelId, ChannelOrder),
    Connected(String),
    SetTimer(u64, Duration),
    CancelledTimer(u64),
    Measured(String, Measure),
    Stopped,
}

#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) deeds: Vec<Deed>,
    pub(crate) log: Vec<(LogLevel, String)>,
    /// What `send` answers: all taken, where it is none.
    pub(crate) send: Option<Result<usize, SendError>>,
    /// Where the last `send`'s bytes lay.
    pub(crate) sent_at: usize,
}

impl Recorder {
    /// All that was logged, without levels.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.log.iter().map(|(_, line)| line.as_str()).collect()
    }
}

impl Host for Recorder {
    fn send(&mut self, channel: ChannelId, data: &[u8]) -> Result<usize, SendError> {
        self.sent_at = data.as_ptr().addr();
        self.deeds.push(Deed::Sent(channel, data.to_vec()));
        self.send.clone().unwrap_or(Ok(data.len()))
    }

    fn steer(&mut self, channel: ChannelId, order: ChannelOrder) {
        self.deeds.push(Deed::Steered(channel, order));
    }

    fn connect(&mut self, target: &str) -> Result<ChannelId, ConnectError> {
        self.deeds.push(Deed::Connected(target.to_owned()));
        if target == "granted" {
            Ok(ChannelId(7))
        } else {
            Err(ConnectError::NotGranted)
        }
    }

    fn set_timer(&mut self, token: u64, after: Duration) -> Result<(), TimerError> {
        self.deeds.push(Deed::SetTimer(token, after));
        Ok(())
    }

    fn cancel_timer(&mut self, token: u64) {
        self.deeds.push(Deed::CancelledTimer(token));
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        self.log.push((level, message.to_owned()));
    }

    fn measure(&mut self, name: &str, value: Measure) {
        self.deeds.push(Deed::Measured(name.to_owned(), value));
    }

    fn stopped(&mut self) {
        self.deeds.push(Deed::Stopped);
    }
}
