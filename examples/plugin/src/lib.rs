//! Greets the guest's program and sends back what it writes, in capitals: the
//! plugin that `docs/PLUGINS.md` builds.

use portunus_plugin_sdk::{Channel, CloseReason, OpenReason, Outbox, Peer, Plugin, Start};
use portunus_plugin_sdk::{log, metrics, plugin};
use serde::Deserialize;

/// Bytes kept for a guest that reads more slowly than it writes.
const OUTBOX_BYTES: usize = 64 * 1024;

/// The port's `config` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    greeting: String,
}

struct Upper {
    greeting: String,
    outbox: Outbox,
}

impl Plugin for Upper {
    fn new(start: Start) -> Result<Self, String> {
        let Table { greeting } = start.config()?;
        if greeting.len() > OUTBOX_BYTES {
            return Err(format!("config.greeting: longer than {OUTBOX_BYTES} bytes"));
        }
        let mut outbox = Outbox::new(Channel::GUEST, OUTBOX_BYTES);
        outbox.restore(start.saved);
        Ok(Upper { greeting, outbox })
    }

    fn on_open(&mut self, _channel: Channel, _peer: Peer, why: OpenReason) {
        let sent = match why {
            OpenReason::New => self.outbox.send(self.greeting.as_bytes()).map(|_| ()),
            // It was greeted before: only what waits for it goes on.
            _ => self.outbox.flush().map(|_| ()),
        };
        if let Err(error) = sent {
            log::warn(format_args!("the guest is not greeted: {error:?}"));
        }
    }

    fn on_data(&mut self, _channel: Channel, data: &[u8]) -> usize {
        // What there is no room for stays with the guest.
        let taken = data.len().min(self.outbox.room());
        let capitals = data[..taken].to_ascii_uppercase();
        metrics::count("bytes", taken as u64);
        // Where nobody is there to answer, bytes are taken and end here.
        self.outbox.send(&capitals).unwrap_or(data.len())
    }

    fn on_writable(&mut self, channel: Channel) {
        if self.outbox.flush().is_ok() {
            channel.resume();
        }
    }

    fn on_close(&mut self, _channel: Channel, _why: CloseReason) {
        self.outbox.clear();
    }

    fn save(&self) -> Option<Vec<u8>> {
        self.outbox.save()
    }
}

plugin!(Upper);

#[cfg(test)]
mod tests {
    use portunus_plugin_sdk::testing::Host;

    use super::*;

    const GUEST: Channel = Channel::GUEST;

    fn upper(host: &Host) -> Upper {
        Upper::new(host.start(r#"{"greeting": "hello\n"}"#)).unwrap()
    }

    #[test]
    fn a_guest_is_greeted_and_answered_in_capitals() {
        let host = Host::new();
        let mut upper = upper(&host);
        upper.on_open(GUEST, Peer::Guest, OpenReason::New);
        host.deliver(&mut upper, GUEST, b"is anybody there?\n");
        assert_eq!(host.take_received(GUEST), b"hello\nIS ANYBODY THERE?\n");
    }

    #[test]
    fn a_guest_that_does_not_read_is_not_read_from_either() {
        let host = Host::new();
        let mut upper = upper(&host);
        host.make_room(GUEST, 10);
        let taken = host.deliver(&mut upper, GUEST, &[b'a'; 100_000]);
        assert_eq!(taken, 10 + OUTBOX_BYTES);
        assert!(host.is_paused(GUEST));

        host.make_room(GUEST, 100_000);
        upper.on_writable(GUEST);
        assert!(!host.is_paused(GUEST));
        assert_eq!(host.take_received(GUEST), vec![b'A'; taken]);
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let host = Host::new();
        let error = Upper::new(host.start(r#"{"greting": "hello"}"#))
            .err()
            .unwrap();
        assert!(error.contains("config.greting"), "{error}");
    }
}
