//! Sends every byte back where it came from, exactly once and in order,
//! however slow the other end is: it takes only what it could send, so what
//! does not fit waits with the sender. The plugin of `docs/PLUGINS.md`.

use portunus_plugin_sdk::{Channel, Plugin, Start, plugin};

struct Echo;

impl Plugin for Echo {
    fn new(start: Start) -> Result<Self, String> {
        start.no_config()?;
        Ok(Echo)
    }

    fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
        // To one who is gone nothing can be sent: its bytes are taken, and end here.
        channel.send(data).unwrap_or(data.len())
    }

    fn on_writable(&mut self, channel: Channel) {
        channel.resume();
    }

    fn on_end(&mut self, channel: Channel) {
        channel.finish();
    }
}

plugin!(Echo);

#[cfg(test)]
mod tests;
