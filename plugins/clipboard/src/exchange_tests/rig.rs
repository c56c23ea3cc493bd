//! An exchange between a fake agent and clients that are no more than a test.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "a fixture that overflows is a test that failed"
)]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portunus_plugin_sdk::log::Level;
use portunus_plugin_sdk::testing::Host;
use portunus_plugin_sdk::{Channel, Client, Peer};
use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::exchange::Exchange;
use crate::fake_agent::{VDAGENTD, announce, read};
use crate::spec::Spec;

pub(super) const GUEST: Channel = Channel::GUEST;
pub(super) const ALICE: Channel = Channel::from_id(1);
pub(super) const BOB: Channel = Channel::from_id(2);

/// An exchange, and everyone around it.
pub(super) struct Rig {
    pub(super) host: Host,
    pub(super) exchange: Exchange,
    pub(super) now: Instant,
    pub(super) due: Option<Instant>,
}

impl Rig {
    /// With no agent and no client.
    pub(super) fn bare(config: &str) -> Self {
        let host = Host::new();
        let spec = Spec::parse(&host.start(config)).unwrap();
        Self {
            host,
            exchange: Exchange::new(spec),
            now: Instant::now(),
            due: None,
        }
    }

    /// With an agent like spice-vdagentd, and with Alice, whose user is 1000.
    pub(super) fn new(config: &str) -> Self {
        let mut rig = Self::bare(config);
        rig.agent(VDAGENTD);
        rig.connect(ALICE, 1000);
        rig
    }

    fn settle(&mut self) {
        self.due = self.exchange.settle(self.now);
    }

    /// An agent opens the port, and both say what they can do.
    pub(super) fn agent(&mut self, capabilities: Capabilities) {
        self.exchange.open(GUEST, &Peer::Guest);
        self.settle();
        self.guest(&announce(true, capabilities));
        self.guest(&announce(false, capabilities));
        self.sent();
    }

    pub(super) fn agent_goes(&mut self) {
        self.exchange.close(GUEST, self.now);
        self.settle();
    }

    pub(super) fn connect(&mut self, client: Channel, uid: u32) {
        let pid = u32::try_from(client.id()).unwrap();
        let peer = Peer::Client(Client { pid, uid, gid: uid });
        self.exchange.open(client, &peer);
        self.settle();
    }

    pub(super) fn disconnect(&mut self, client: Channel) {
        self.exchange.close(client, self.now);
        self.settle();
    }

    /// The client sends no more.
    pub(super) fn end(&mut self, client: Channel) {
        self.exchange.end(client, self.now);
        self.settle();
    }

    /// The guest sends bytes; how many were taken.
    pub(super) fn guest(&mut self, bytes: &[u8]) -> usize {
        let taken = self.exchange.guest_data(bytes, self.now);
        self.settle();
        taken
    }

    /// A client sends bytes; how many were taken.
    pub(super) fn send(&mut self, client: Channel, bytes: &[u8]) -> usize {
        let taken = self.exchange.client_data(client, bytes, self.now);
        self.settle();
        taken
    }

    /// A client says a line.
    pub(super) fn say(&mut self, client: Channel, line: &Value) {
        let line = format!("{line}\n");
        assert_eq!(self.send(client, line.as_bytes()), line.len());
    }

    /// A client says a line, and is told one.
    pub(super) fn ask(&mut self, client: Channel, line: &Value) -> Value {
        self.say(client, line);
        let mut told = self.told(client);
        assert_eq!(told.len(), 1, "{told:?}");
        told.remove(0)
    }

    /// A client offers content in one line.
    pub(super) fn put(&mut self, kind: &str, bytes: &[u8]) {
        let line = json!({ "do": "put", "type": kind, "data": STANDARD.encode(bytes) });
        assert_eq!(self.ask(ALICE, &line), json!({ "ok": true }));
    }

    /// Room has been made for whoever had none.
    pub(super) fn writable(&mut self) {
        self.settle();
    }

    /// Time passes, and what is due by then is done.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.exchange.tick(self.now);
        self.settle();
    }

    /// What a client was told since the last time.
    pub(super) fn told(&self, client: Channel) -> Vec<Value> {
        let bytes = self.host.take_received(client);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Content that a client was given, whole.
    pub(super) fn given(&self, client: Channel) -> Vec<u8> {
        let lines = self.told(client);
        let last = lines.len() - 1;
        let decoded = lines.iter().enumerate().map(|(at, line)| {
            assert_eq!(line.get("more").is_some(), at < last, "{line}");
            STANDARD.decode(line["data"].as_str().unwrap()).unwrap()
        });
        decoded.collect::<Vec<_>>().concat()
    }

    /// What the guest was sent since the last time: number and body.
    pub(super) fn sent(&self) -> Vec<(u32, Vec<u8>)> {
        let messages = read(&self.host.take_received(GUEST));
        messages
            .into_iter()
            .map(|(_, number, body)| (number, body))
            .collect()
    }

    /// What the audit says since the last time.
    pub(super) fn audit(&self) -> Vec<String> {
        let logged = self.host.take_log();
        logged
            .into_iter()
            .filter(|(level, _)| matches!(level, Level::Info | Level::Warn))
            .filter_map(|(_, line)| Some(line.strip_prefix("audit: ")?.to_owned()))
            .collect()
    }
}
