//! The plugin: what each call of the host means for the exchange.

use std::time::{Duration, Instant};

use portunus_plugin_sdk::{Channel, CloseReason, OpenReason, Peer, Plugin, Start};
use portunus_plugin_sdk::{lifecycle, log, timer};

use crate::exchange::Exchange;
use crate::spec::Spec;

/// The one timer: when the next thing is due.
const DUE: u64 = 1;

/// Shares the guest's clipboard.
#[derive(Debug)]
pub struct Clipboard {
    exchange: Exchange,
    /// What the timer is set to.
    due: Option<Instant>,
    stopping: bool,
}

impl Clipboard {
    /// Does what is due, and sees to it that what is due later is done then.
    fn settle(&mut self, now: Instant) {
        let due = self.exchange.settle(now);
        if self.stopping && self.exchange.guest_knows_all() {
            self.stopping = false;
            lifecycle::stopped();
        }
        if due == self.due {
            return;
        }
        self.due = due;
        match due {
            Some(due) => {
                let wait = due.saturating_duration_since(now);
                if let Err(error) = timer::set(DUE, wait) {
                    log::error(format_args!("no timer: {error:?}"));
                }
            }
            None => timer::cancel(DUE),
        }
    }
}

impl Plugin for Clipboard {
    fn new(start: Start) -> Result<Self, String> {
        Ok(Self {
            exchange: Exchange::new(Spec::parse(&start)?),
            due: None,
            stopping: false,
        })
    }

    fn on_open(&mut self, channel: Channel, peer: Peer, why: OpenReason) {
        if why != OpenReason::New {
            // Another instance may have been in the middle of a message or a line,
            // and what it had agreed on is gone. The agent opens its port again.
            channel.close();
            return;
        }
        self.exchange.open(channel, &peer);
        self.settle(Instant::now());
    }

    fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
        let now = Instant::now();
        let taken = match channel.is_guest() {
            true => self.exchange.guest_data(data, now),
            false => self.exchange.client_data(channel, data, now),
        };
        self.settle(now);
        taken
    }

    fn on_writable(&mut self, _channel: Channel) {
        self.settle(Instant::now());
    }

    fn on_end(&mut self, channel: Channel) {
        let now = Instant::now();
        self.exchange.end(channel, now);
        self.settle(now);
    }

    fn on_close(&mut self, channel: Channel, _why: CloseReason) {
        let now = Instant::now();
        self.exchange.close(channel, now);
        self.settle(now);
    }

    fn on_timer(&mut self, _token: u64) {
        let now = Instant::now();
        self.due = None;
        self.exchange.tick(now);
        self.settle(now);
    }

    fn on_stop(&mut self, _grace: Duration) {
        self.stopping = true;
        self.exchange.stop();
        self.settle(Instant::now());
    }
}

#[cfg(test)]
#[path = "clipboard_tests.rs"]
mod tests;
