//! Where the guest and the clients meet: the plugin's state, and what is due
//! after each call. What the guest's agent says is in `from_guest`, what clients
//! say in `from_client`, and how content goes from one to the other in
//! `transfers`.

mod from_client;
mod from_guest;
mod transfers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portunus_plugin_sdk::{Channel, Peer, log, metrics};

use crate::audit::{Audit, Who};
use crate::board::{Board, Offered};
use crate::capabilities::Form;
use crate::client::{Client, News};
use crate::consent::Consent;
use crate::intake::{Expects, Intake};
use crate::kinds::{ContentType, Selection};
use crate::message::OurMessage;
use crate::negotiation::Negotiation;
use crate::outgoing::ToGuest;
use crate::questions::Questions;
use crate::reply::Failure;
use crate::spec::Spec;
use crate::stream::GuestStream;

/// How much content may be kept at once for clients and for what they offer, all
/// together: what comes beyond that is refused. A client has one at most.
const MAX_CONTENTS: usize = 6;

/// How long a client may take nothing of what there is for it: a person who stops
/// a program in a terminal has a while.
const STALL_TIME: Duration = Duration::from_secs(60);

/// The agent's end of the port.
#[derive(Debug, Default)]
struct Agent {
    /// The port is open, and what comes makes sense.
    is_heard: bool,
    stream: GuestStream,
    intake: Intake,
    negotiation: Negotiation,
    out: ToGuest,
}

/// The clipboard of one guest.
#[derive(Debug)]
pub(crate) struct Exchange {
    consent: Consent,
    audit: Audit,
    agent: Agent,
    board: Board,
    questions: Questions,
    clients: BTreeMap<Channel, Client>,
}

impl Exchange {
    pub(crate) fn new(spec: Spec) -> Self {
        Self {
            audit: Audit::default(),
            agent: Agent::default(),
            board: Board::new(spec.clear_after),
            questions: Questions::default(),
            clients: BTreeMap::new(),
            consent: Consent::new(spec),
        }
    }

    /// A channel opened.
    pub(crate) fn open(&mut self, channel: Channel, peer: &Peer) {
        if channel.is_guest() {
            self.agent = Agent {
                is_heard: true,
                ..Agent::default()
            };
            let announce = self.agent.negotiation.open();
            self.tell_guest(announce);
            return;
        }
        let who = match peer {
            Peer::Client(client) => Some(Who {
                pid: client.pid,
                uid: client.uid,
            }),
            _ => None,
        };
        self.clients.insert(channel, Client::new(channel, who));
    }

    /// A channel closed.
    pub(crate) fn close(&mut self, channel: Channel, now: Instant) {
        if channel.is_guest() {
            self.agent = Agent::default();
            for selection in Selection::ALL {
                if self.board.offer(selection).is_by_guest() {
                    self.offer(selection, Offered::Nothing, now);
                }
            }
            self.withdraw(Failure::NoAgent, |_| true);
            return;
        }
        self.drop_client(channel, now);
    }

    fn drop_client(&mut self, channel: Channel, now: Instant) {
        if self.clients.remove(&channel).is_some() {
            self.forget_questions_of(channel);
            self.refuse_unheard_questions(now);
        }
    }

    /// A client sends no more.
    pub(crate) fn end(&mut self, channel: Channel, now: Instant) {
        let Some(client) = self.clients.get_mut(&channel) else {
            return;
        };
        client.ended = true;
        // A last line without its end is a line.
        if let Some(line) = client.lines.finish() {
            self.line(channel, &line, now);
        }
    }

    /// Does what is overdue.
    pub(crate) fn tick(&mut self, now: Instant) {
        let overdue: Vec<_> = self.board.overdue(now).collect();
        for selection in overdue {
            metrics::count("offers_cleared", 1);
            self.clear(selection, now);
        }
        self.refuse_late_questions(now);
        self.fail_late_gets(now);
        let is_late = |client: &Client| {
            let since = client.stalled;
            since.is_some_and(|since| now.saturating_duration_since(since) >= STALL_TIME)
        };
        let late = self.clients.iter().filter(|(_, client)| is_late(client));
        let stalled: Vec<_> = late.map(|(channel, _)| *channel).collect();
        for channel in stalled {
            metrics::count("clients_stalled", 1);
            log::warn(format_args!(
                "closing {channel}: its client has taken nothing for {} s",
                STALL_TIME.as_secs()
            ));
            channel.close();
            self.drop_client(channel, now);
        }
    }

    /// The host stops: the guest is told that nothing is offered any more.
    pub(crate) fn stop(&mut self) {
        if self.agent.negotiation.is_agreed() {
            let form = self.agent.negotiation.form();
            self.agent.out.replace(OurMessage::Disconnected, form);
        }
    }

    /// Whether the guest has been told all there was to tell it.
    pub(crate) fn guest_knows_all(&self) -> bool {
        !self.agent.is_heard || self.agent.out.is_empty()
    }

    /// Tells everyone what they can take, and says when something is due next.
    pub(crate) fn settle(&mut self, now: Instant) -> Option<Instant> {
        self.pump_guest();
        self.pump_clients(now);
        metrics::gauge("agent", f64::from(u8::from(self.has_agent())));
        self.next_deadline()
    }

    fn pump_guest(&mut self) {
        if !self.agent.is_heard {
            return;
        }
        let had_room = self.agent.out.has_room();
        match self.agent.out.pump(|bytes| Channel::GUEST.send(bytes)) {
            Ok(_) if !had_room && self.agent.out.has_room() => Channel::GUEST.resume(),
            Ok(_) => {}
            // Its close is on its way.
            Err(_) => self.agent.out.clear(),
        }
    }

    fn pump_clients(&mut self, now: Instant) {
        let news = News {
            agent: self.has_agent(),
            board: &self.board,
            questions: &self.questions,
        };
        self.clients.retain(|channel, client| {
            let told = client.pump(&news, now, |bytes| channel.send(bytes));
            if told.is_err() {
                // Its close is on its way.
                return true;
            }
            if client.is_done() {
                channel.close();
                return false;
            }
            if client.held && !client.must_wait() {
                client.held = false;
                channel.resume();
            }
            true
        });
    }

    fn next_deadline(&self) -> Option<Instant> {
        let stalls = self
            .clients
            .values()
            .filter_map(|client| client.stalled?.checked_add(STALL_TIME));
        stalls
            .chain(self.board.next_deadline())
            .chain(self.questions.next_deadline())
            .chain(self.next_get_deadline())
            .min()
    }

    fn has_agent(&self) -> bool {
        self.agent.negotiation.is_agreed()
    }

    fn tell_guest(&mut self, message: OurMessage) {
        let form = self.agent.negotiation.form();
        self.agent.out.push(message, form);
    }

    /// Whether there is room for the content of one more.
    fn has_room(&self) -> bool {
        let clients: usize = self.clients.values().map(Client::contents).sum();
        clients.saturating_add(self.board.contents()) < MAX_CONTENTS
    }
}

/// What the guest may send: what some client waits for.
struct Expected<'a> {
    clients: &'a BTreeMap<Channel, Client>,
    max_bytes: u64,
    form: Form,
}

impl Expects for Expected<'_> {
    fn expects(&self, selection: Selection, kind: ContentType) -> bool {
        self.clients
            .values()
            .any(|client| transfers::is_fetching(client, selection, kind))
    }

    fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    fn form(&self) -> Form {
        self.form
    }
}
