//! The plugin: what each call of the host means for the clients, the queue and
//! the wire. Decides nothing by itself; what was decided elsewhere, it does.

mod clients;
mod guest;
mod own;

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use portunus_plugin_sdk::{Channel, CloseReason, OpenReason, Peer, Plugin, Start};
use portunus_plugin_sdk::{log, metrics, timer};

use crate::answer::Answers;
use crate::ask::{Ask, Job};
use crate::client::Client;
use crate::link::Link;
use crate::owned::Owned;
use crate::queue::Queue;
use crate::scan::Scanner;
use crate::services::Services;
use crate::spec::Spec;
use crate::surroundings::Surroundings;

/// The one timer: for whatever is due next.
const TICK: u64 = 1;

/// Stands between clients and a guest's agent.
#[derive(Debug)]
pub(crate) struct Agent<S> {
    surroundings: S,
    spec: Spec,
    clients: BTreeMap<u64, Client>,
    queue: Queue<Job>,
    /// Bytes of the commands of clients in the queue.
    queued_bytes: usize,
    /// Which client has which file and program of the guest's.
    owned: Owned,
    services: Services,

    link: Link,
    /// The command that the agent has.
    sent: Option<Ask>,
    /// Bytes for the agent that its port has not taken.
    output: Answers,
    /// What the agent says.
    input: Scanner,
    /// Whether the last byte of that was 0xFF.
    delimited: bool,
    /// Whether it has answered since its port was opened.
    present: bool,
    /// Whether it was said that it does not answer.
    silent: bool,
    /// When it is asked whether it is there, if nothing is heard of it.
    health_at: Duration,

    next_ticket: u64,
    /// When the timer is due, where it is set.
    timer_at: Option<Duration>,
}

impl<S: Surroundings> Agent<S> {
    /// Starts. The error is one line that names the key.
    pub(crate) fn start(surroundings: S, start: &Start) -> Result<Self, String> {
        let spec = Spec::parse(start)?;
        metrics::gauge("agent_present", 0.0);
        metrics::gauge("clients", 0.0);
        Ok(Self {
            surroundings,
            clients: BTreeMap::new(),
            queue: Queue::default(),
            queued_bytes: 0,
            owned: Owned::default(),
            services: Services::new(&spec),
            link: Link::default(),
            sent: None,
            output: Answers::default(),
            input: Scanner::with_one_large(spec.max_reply_bytes),
            delimited: false,
            present: false,
            silent: false,
            health_at: Duration::ZERO,
            next_ticket: 1,
            timer_at: None,
            spec,
        })
    }

    /// Does what has become due.
    fn tick(&mut self, now: Duration) {
        let clear = self.output.is_empty();
        let random = self.surroundings.random();
        let due = self.link.tick(now, clear, random);
        if due.gave_up {
            self.give_up(now);
        }
        if due.sync_late {
            metrics::count("syncs_late", 1);
            if !mem::replace(&mut self.silent, true) {
                log::warn("the guest's agent does not answer");
            }
        }
        self.send(&due.sync);
        if self.link.is_idle() && self.health_at <= now {
            let sync = self.link.sync(now, self.surroundings.random());
            self.send(&sync);
        }
        self.expire(now);
        self.let_stalled_go(now);
        let effects = self.services.tick(now);
        self.take_effect(effects, now);
    }

    /// Sets the timer for what is due next, where it is not set for that or
    /// earlier already.
    fn set_timer(&mut self, now: Duration) {
        let clients = self.clients.values().filter_map(Client::stalls_at).min();
        let is_clients = |job: &Job| matches!(job, Job::Ask(ask) if ask.is_of_client());
        let queue = self.queue.oldest(is_clients);
        let next = [
            self.link.next_due(),
            self.link.is_idle().then_some(self.health_at),
            queue.map(|since| since.saturating_add(self.spec.wait)),
            clients,
            self.services.next_due(),
        ];
        let Some(next) = next.into_iter().flatten().min() else {
            return;
        };
        if self.timer_at.is_some_and(|set| set <= next) {
            return;
        }
        self.timer_at = Some(next);
        if let Err(error) = timer::set(TICK, next.saturating_sub(now)) {
            // One timer is always allowed.
            log::error(format_args!("no timer for what is due: {error:?}"));
        }
    }

    /// What ends every call: whoever can be served is, and the timer is set.
    fn finish_call(&mut self, now: Duration) {
        self.serve(now);
        self.set_timer(now);
    }
}

impl<S: Surroundings + Default + 'static> Plugin for Agent<S> {
    fn new(start: Start) -> Result<Self, String> {
        Self::start(S::default(), &start)
    }

    fn on_open(&mut self, channel: Channel, peer: Peer, why: OpenReason) {
        let now = self.surroundings.now();
        match peer {
            Peer::Guest => self.guest_opened(now),
            Peer::Client(peer) if why == OpenReason::New => self.client_came(channel, peer),
            Peer::Client(_) => {
                // What it had asked, the instance before has taken with it.
                log::warn("a client is let go: what it has asked was lost");
                channel.close();
            }
            Peer::Target(_) | Peer::Other(_) => channel.close(),
        }
        self.finish_call(now);
    }

    fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
        let now = self.surroundings.now();
        let taken = match channel.is_guest() {
            true => self.guest_said(data, now),
            false => self.client_said(channel, data, now),
        };
        self.finish_call(now);
        taken
    }

    fn on_writable(&mut self, channel: Channel) {
        let now = self.surroundings.now();
        match channel.is_guest() {
            true => self.send(&[]),
            false => self.settle(channel, now),
        }
        self.finish_call(now);
    }

    fn on_end(&mut self, channel: Channel) {
        let now = self.surroundings.now();
        self.client_ended(channel, now);
        self.finish_call(now);
    }

    fn on_close(&mut self, channel: Channel, why: CloseReason) {
        let now = self.surroundings.now();
        match channel.is_guest() {
            true => self.guest_closed(&why, now),
            false => self.client_left(channel, now),
        }
        self.finish_call(now);
    }

    fn on_timer(&mut self, _token: u64) {
        let now = self.surroundings.now();
        self.timer_at = None;
        self.tick(now);
        self.finish_call(now);
    }

    fn on_stop(&mut self, grace: Duration) {
        let now = self.surroundings.now();
        self.stop(grace, now);
        self.finish_call(now);
    }
}

#[cfg(test)]
#[path = "agent_tests.rs"]
mod tests;
