//! What a channel has not taken yet.

use std::collections::VecDeque;

use crate::{Channel, SendError};

/// Bytes on their way to one channel: what its `send` did not take is kept in
/// order, up to a bound, and goes when there is room again.
///
/// For a plugin that changes what it passes on. In `on_data`, take only what
/// there is [`room`](Self::room) for; in `on_writable`, [`flush`](Self::flush)
/// and resume the channel that the bytes come from. A plugin that passes bytes
/// on as they are needs none of this: it takes what `send` took.
#[derive(Debug, Clone)]
pub struct Outbox {
    channel: Channel,
    bound: usize,
    waiting: VecDeque<u8>,
}

impl Outbox {
    /// An empty outbox that keeps at most `bound` bytes.
    pub fn new(channel: Channel, bound: usize) -> Self {
        Self {
            channel,
            bound,
            waiting: VecDeque::new(),
        }
    }

    /// Bytes that [`send`](Self::send) takes for certain.
    pub fn room(&self) -> usize {
        self.bound.saturating_sub(self.waiting.len())
    }

    /// Whether everything has gone.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends, or keeps, as much of `data` as there is room for, and returns how
    /// many bytes that was, from the first on.
    ///
    /// # Errors
    ///
    /// As [`Channel::send`]; nothing of `data` was taken then.
    pub fn send(&mut self, data: &[u8]) -> Result<usize, SendError> {
        self.flush()?;
        let sent = if self.is_empty() {
            self.channel.send(data)?
        } else {
            0
        };
        let rest = data.iter().skip(sent).take(self.room());
        let kept = rest.len();
        self.waiting.extend(rest);
        Ok(sent.saturating_add(kept))
    }

    /// Sends what waits, as far as the channel takes it; true if nothing waits
    /// any more. For `on_writable`, and for `on_open` after a reload.
    ///
    /// # Errors
    ///
    /// As [`Channel::send`]; what waits is kept.
    pub fn flush(&mut self) -> Result<bool, SendError> {
        loop {
            let (front, _) = self.waiting.as_slices();
            if front.is_empty() {
                return Ok(true);
            }
            let length = front.len();
            let sent = self.channel.send(front)?.min(length);
            self.waiting.drain(..sent);
            if sent < length {
                return Ok(false);
            }
        }
    }

    /// Forgets what waits: for `on_close`, since the next to open the channel is
    /// another.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// What waits, for [`Plugin::save`](crate::Plugin::save); nothing if
    /// nothing does.
    pub fn save(&self) -> Option<Vec<u8>> {
        (!self.is_empty()).then(|| self.waiting.iter().copied().collect())
    }

    /// Takes up what another instance's outbox saved, ahead of all else.
    pub fn restore(&mut self, saved: Option<Vec<u8>>) {
        self.waiting = saved.unwrap_or_default().into();
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
