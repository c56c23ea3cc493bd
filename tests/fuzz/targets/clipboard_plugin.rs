//! The whole clipboard plugin between any guest and any clients, on a host that
//! takes as much as it likes: it never fails, and what the policy keeps stays.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portunus_plugin_clipboard::Clipboard;
use portunus_plugin_sdk::testing::Host;
use portunus_plugin_sdk::{Channel, Client, CloseReason, OpenReason, Peer, Plugin};

/// What the clients may offer and the guest may not have.
const SECRET: &[u8] = b"c2VjcmV0";

#[derive(Debug, Arbitrary)]
enum Step {
    Open(u8),
    Close(u8),
    End(u8),
    Guest(Vec<u8>),
    /// A message of the agent's that is worth something.
    Message {
        number: u8,
        words: Vec<u8>,
    },
    Client(u8, Vec<u8>),
    Line(u8, Line),
    Room(u8, u16),
    Timer,
}

#[derive(Debug, Arbitrary)]
enum Line {
    Put,
    Get,
    Watch,
    Decide,
    Answer(u8, bool),
    Clear,
}

fuzz_target!(|input: (bool, Vec<Step>)| {
    let (asks, steps) = input;
    let host = Host::new();
    // What goes to the guest needs a yes, or is not allowed at all.
    let config = match asks {
        true => r#"{"direction": "guest-to-host", "ask": "both"}"#,
        false => r#"{"direction": "guest-to-host"}"#,
    };
    let mut plugin = Clipboard::new(host.start(config)).expect("the policy");
    for step in steps {
        perform(&host, &mut plugin, step);
    }
    let sent = host.take_received(Channel::GUEST);
    assert!(!sent.windows(6).any(|window| window == b"secret"));
});

fn channel(number: u8) -> Channel {
    Channel::from_id(u64::from(number % 4))
}

fn perform(host: &Host, plugin: &mut Clipboard, step: Step) {
    match step {
        Step::Open(number) => {
            let peer = match number % 4 {
                0 => Peer::Guest,
                pid => Peer::Client(Client {
                    pid: pid.into(),
                    uid: 1,
                    gid: 1,
                }),
            };
            plugin.on_open(channel(number), peer, OpenReason::New);
        }
        Step::Close(number) => plugin.on_close(channel(number), CloseReason::Closed),
        Step::End(number) => plugin.on_end(channel(number)),
        Step::Guest(bytes) => {
            host.deliver(plugin, Channel::GUEST, &bytes);
        }
        Step::Message { number, words } => {
            let body: Vec<u8> = words.iter().flat_map(|word| [word % 8, 0, 0, 0]).collect();
            let size = u32::try_from(body.len()).expect("small");
            let header = [1, size + 20, 1, u32::from(number % 18), 0, 0, size];
            let mut bytes: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
            bytes.extend(body);
            host.deliver(plugin, Channel::GUEST, &bytes);
        }
        Step::Client(number, bytes) => {
            host.deliver(plugin, channel(number % 3 + 1), &bytes);
        }
        Step::Line(number, line) => {
            let line = text(&line);
            host.deliver(plugin, channel(number % 3 + 1), line.as_bytes());
        }
        Step::Room(number, bytes) => {
            host.make_room(channel(number), bytes.into());
            plugin.on_writable(channel(number));
        }
        Step::Timer => plugin.on_timer(1),
    }
}

fn text(line: &Line) -> String {
    match line {
        Line::Put => {
            let secret = String::from_utf8_lossy(SECRET);
            format!("{{\"do\":\"put\",\"data\":\"{secret}\"}}\n")
        }
        Line::Get => "{\"do\":\"get\"}\n".into(),
        Line::Watch => "{\"do\":\"watch\"}\n".into(),
        Line::Decide => "{\"do\":\"decide\"}\n".into(),
        Line::Answer(ask, allow) => {
            format!("{{\"do\":\"answer\",\"ask\":{ask},\"allow\":{allow}}}\n")
        }
        Line::Clear => "{\"do\":\"clear\"}\n".into(),
    }
}
