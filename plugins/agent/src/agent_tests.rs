//! The plugin against a host, clients and an agent of a test's own.

use std::cell::Cell;
use std::rc::Rc;

use portunus_plugin_sdk::log::Level;
use portunus_plugin_sdk::testing::Host;
use portunus_plugin_sdk::{Client as HostClient, SendError};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::agent::clients::{MAX_CLIENTS, MAX_QUEUED, MAX_QUEUED_BYTES};
use crate::client::STALL;
use crate::link::SYNC_FIRST;

#[path = "agent_tests/bounds.rs"]
mod bounds;
#[path = "agent_tests/hostile.rs"]
mod hostile;
#[path = "agent_tests/own.rs"]
mod own;
#[path = "agent_tests/sharing.rs"]
mod sharing;

const GUEST: Channel = Channel::GUEST;
const PING: &str = r#"{"execute": "guest-ping"}"#;

/// A clock that a test sets, and numbers that it can foresee.
#[derive(Debug, Clone, Default)]
struct Still {
    now: Rc<Cell<Duration>>,
    random: Rc<Cell<u64>>,
}

impl Surroundings for Still {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn random(&self) -> u64 {
        self.random.set(self.random.get().wrapping_add(1));
        self.random.get()
    }
}

/// What the agent was sent.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    name: String,
    arguments: Value,
    id: u64,
}

struct Rig {
    host: Host,
    agent: Agent<Still>,
    still: Still,
}

impl Rig {
    /// A plugin whose guest has no agent.
    fn new(config: Value) -> Self {
        let host = Host::new();
        let still = Still::default();
        let start = host.start(&config.to_string());
        let agent = Agent::start(still.clone(), &start).unwrap();
        Self { host, agent, still }
    }

    /// One whose agent is there and has answered what it was asked.
    fn with_agent(config: Value) -> Self {
        let mut rig = Self::new(config);
        rig.open_agent();
        let info = rig.take_sent();
        assert_eq!(info.name, "guest-info");
        rig.reply(
            info.id,
            json!({"version": "7.2.22", "supported_commands": []}),
        );
        rig.host.take_log();
        rig
    }

    /// An agent opens the port and answers the sync.
    fn open_agent(&mut self) {
        self.agent.on_open(GUEST, Peer::Guest, OpenReason::New);
        self.answer_sync();
    }

    fn answer_sync(&mut self) {
        let sync = self.take_sent();
        assert_eq!(sync.name, "guest-sync-delimited");
        self.say(r#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#);
        self.host.deliver(&mut self.agent, GUEST, b"\xff");
        self.reply(sync.id, sync.arguments["id"].clone());
    }

    fn client(&mut self, number: u64) -> Channel {
        self.client_of(number, 1000)
    }

    fn client_of(&mut self, number: u64, uid: u32) -> Channel {
        let channel = Channel::from_id(number);
        let (pid, gid) = (4242, 100);
        let peer = Peer::Client(HostClient { pid, uid, gid });
        self.agent.on_open(channel, peer, OpenReason::New);
        channel
    }

    fn ask(&mut self, channel: Channel, text: &str) -> usize {
        self.host.deliver(&mut self.agent, channel, text.as_bytes())
    }

    /// All that the agent was sent since the last call.
    fn all_sent(&mut self) -> Vec<Sent> {
        let bytes = self.host.take_received(GUEST);
        let text: Vec<u8> = bytes.into_iter().filter(|byte| *byte != 0xff).collect();
        let lines = text.split(|byte| *byte == b'\n');
        let commands = lines.filter(|line| !line.is_empty());
        commands
            .map(|line| {
                let command: Value = serde_json::from_slice(line).unwrap();
                Sent {
                    name: command["execute"].as_str().unwrap().to_owned(),
                    arguments: command["arguments"].clone(),
                    id: command["id"].as_u64().unwrap(),
                }
            })
            .collect()
    }

    /// The one command that the agent was sent since the last call.
    fn take_sent(&mut self) -> Sent {
        let sent = self.all_sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent[0].clone()
    }

    fn say(&mut self, text: &str) {
        let line = format!("{text}\n");
        self.host.deliver(&mut self.agent, GUEST, line.as_bytes());
    }

    fn reply(&mut self, id: u64, value: Value) {
        self.say(&json!({"return": value, "id": id}).to_string());
    }

    fn fail(&mut self, id: u64, desc: &str) {
        let error = json!({"class": "GenericError", "desc": desc});
        self.say(&json!({"error": error, "id": id}).to_string());
    }

    /// Answers everything that is asked until nothing more is: each command with
    /// its own name.
    fn answer_all(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        loop {
            let sent = self.all_sent();
            if sent.is_empty() {
                return all;
            }
            for command in &sent {
                self.reply(command.id, command.name.clone().into());
            }
            all.extend(sent);
        }
    }

    fn told(&mut self, channel: Channel) -> String {
        String::from_utf8(self.host.take_received(channel)).unwrap()
    }

    /// The replies that a client got since the last call.
    fn replies(&mut self, channel: Channel) -> Vec<Value> {
        let told = self.told(channel);
        let lines = told.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    /// The words of the one error that a client got.
    fn error(&mut self, channel: Channel) -> (String, String) {
        let replies = self.replies(channel);
        assert_eq!(replies.len(), 1, "{replies:?}");
        let word = |key: &str| replies[0]["error"][key].as_str().unwrap().to_owned();
        (word("class"), word("desc"))
    }

    /// Lets time go on, and the timer with it.
    fn wait(&mut self, time: Duration) {
        let until = self.still.now.get().saturating_add(time);
        while let Some(after) = self.host.take_timer(TICK) {
            let due = self.still.now.get().saturating_add(after);
            if due > until {
                // Not set anew, since it is set already.
                self.agent.timer_at = None;
                self.still.now.set(until);
                self.agent.set_timer(until);
                return;
            }
            self.still.now.set(due);
            self.agent.on_timer(TICK);
        }
        self.still.now.set(until);
    }

    fn audit(&mut self) -> Vec<String> {
        let said = self.host.take_log().into_iter();
        let lines = said.filter(|(_, line)| line.starts_with("audit"));
        lines.map(|(_, line)| line).collect()
    }
}
