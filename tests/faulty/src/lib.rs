//! Sends every byte back, and fails when it is told to: `panic` and a line of
//! words, `loop`, `hoard`. For the whole-system tests.

use portunus_plugin_sdk::{Channel, Plugin, Start, plugin};

struct Faulty;

impl Plugin for Faulty {
    fn new(start: Start) -> Result<Self, String> {
        start.no_config()?;
        Ok(Faulty)
    }

    fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
        if data.starts_with(b"panic") {
            parse_clipboard(data);
        } else if data.starts_with(b"loop") {
            compute_for_ever();
        } else if data.starts_with(b"hoard") {
            hoard_memory();
        }
        channel.send(data).unwrap_or(data.len())
    }

    fn on_writable(&mut self, channel: Channel) {
        channel.resume();
    }

    fn on_end(&mut self, channel: Channel) {
        channel.finish();
    }
}

/// Fails as a parser does that a guest has fed: with its words in the panic.
#[expect(clippy::panic, reason = "to panic is what this plugin is for")]
#[inline(never)]
fn parse_clipboard(data: &[u8]) {
    panic!("cannot parse {:?}", String::from_utf8_lossy(data));
}

#[inline(never)]
fn compute_for_ever() {
    let mut turns: u64 = 0;
    loop {
        turns = std::hint::black_box(turns).wrapping_add(1);
    }
}

#[inline(never)]
fn hoard_memory() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

plugin!(Faulty);
