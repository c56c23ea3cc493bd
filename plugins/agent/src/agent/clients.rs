//! The clients' side: who comes and goes, what they ask, and what they are told.

use std::time::Duration;

use portunus_plugin_sdk::{Channel, Client as Peer, log, metrics};

use super::Agent;
use super::guest::complaint;
use crate::answer::Answer;
use crate::ask::{Ask, Asker, Job};
use crate::audit::{self, End};
use crate::client::Client;
use crate::command::{Command, Request};
use crate::owned::MAX_HANDLES;
use crate::queue::Lane;
use crate::reply::Class;
use crate::rights::{Meaning, Refusal};
use crate::scan::{Fault, Piece};
use crate::surroundings::Surroundings;

/// Clients at once. Each may have a command in the making, and a reply of 64 KiB
/// that it has not taken: with the default `max-command` 4 MiB of the plugin's
/// memory. `listen` lets in 16 unless it says otherwise.
pub(super) const MAX_CLIENTS: usize = 32;

/// Commands of one client that wait. One that asks faster than it is answered is
/// not listened to until there is room.
pub(super) const MAX_QUEUED: usize = 16;

/// Bytes of all commands that wait. Past it, a command is refused as one that
/// waited too long would be.
pub(super) const MAX_QUEUED_BYTES: usize = 1 << 20;

impl<S: Surroundings> Agent<S> {
    pub(super) fn client_came(&mut self, channel: Channel, peer: Peer) {
        let room = self.clients.len() < MAX_CLIENTS;
        let client = Client::new(channel, peer, &self.spec).filter(|_| room);
        match client {
            Some(client) => {
                self.clients.insert(channel.id(), client);
                self.count_clients();
            }
            None => {
                metrics::count("clients_refused", 1);
                log::warn(format_args!(
                    "a client is refused: {MAX_CLIENTS} are connected already"
                ));
                channel.close();
            }
        }
    }

    fn count_clients(&self) {
        let count = u32::try_from(self.clients.len()).unwrap_or(u32::MAX);
        metrics::gauge("clients", f64::from(count));
    }

    /// Takes what a client says, as long as there is room for its commands.
    pub(super) fn client_said(&mut self, channel: Channel, data: &[u8], now: Duration) -> usize {
        let mut taken = 0_usize;
        loop {
            let rest = data.get(taken..).unwrap_or_default();
            let bytes = self.take_commands(channel, rest, now);
            taken = taken.saturating_add(bytes);
            self.settle(channel, now);
            self.serve(now);
            if bytes == 0 || taken >= data.len() {
                break;
            }
        }
        // Only now: to listen again within this call would be of no effect.
        if let Some(client) = self.clients.get_mut(&channel.id()) {
            client.paused = taken < data.len();
        }
        taken
    }

    fn take_commands(&mut self, channel: Channel, data: &[u8], now: Duration) -> usize {
        let mut taken = 0_usize;
        while let Some(rest) = data.get(taken..).filter(|rest| !rest.is_empty()) {
            let has_room = self.has_room(channel);
            let Some(client) = self.clients.get_mut(&channel.id()) else {
                return data.len();
            };
            if !has_room {
                break;
            }
            let (bytes, piece) = client.input.feed(rest);
            taken = taken.saturating_add(bytes);
            match piece {
                // A delimiter only ends what was begun, as it has done.
                None | Some(Piece::Delimiter) => {}
                Some(Piece::Object(frame)) => self.client_asked(channel, &frame, now),
                Some(Piece::Broken(fault)) => self.client_erred(channel, fault, now),
            }
        }
        taken
    }

    /// Whether one more command of a client may wait.
    fn has_room(&self, channel: Channel) -> bool {
        self.queue.len(Lane::Client(channel.id())) < MAX_QUEUED
    }

    /// Listens to a client that was not listened to, where there is room again.
    pub(super) fn listen_again(&mut self, channel: Channel) {
        let has_room = self.has_room(channel);
        if let Some(client) = self.clients.get_mut(&channel.id())
            && client.paused
            && has_room
        {
            client.paused = false;
            channel.resume();
        }
    }

    fn client_asked(&mut self, channel: Channel, bytes: &[u8], now: Duration) {
        match Request::parse(bytes) {
            Ok(request) => self.judge(channel, request, now),
            Err(error) => {
                metrics::count("commands_broken", 1);
                let answer = Answer::error(Class::GenericError, &error.to_string(), None);
                self.push(channel, Job::Tell(answer), now);
            }
        }
    }

    fn client_erred(&mut self, channel: Channel, fault: Fault, now: Duration) {
        metrics::count("commands_broken", 1);
        let what = match fault {
            Fault::Garbage => "no command: it does not begin with `{`",
            Fault::Torn => "no command: it ends in its middle",
            Fault::TooDeep => "no command: its arguments are nested too deeply",
            Fault::TooLong | Fault::NoRoom => "no command: it is longer than the port allows",
        };
        let answer = Answer::error(Class::GenericError, what, None);
        self.push(channel, Job::Tell(answer), now);
    }

    /// Lets a command wait for its turn, or refuses it.
    fn judge(&mut self, channel: Channel, request: Request, now: Duration) {
        let Some(client) = self.clients.get(&channel.id()) else {
            return;
        };
        let Request { command, id } = request;
        metrics::count("commands", 1);
        let owns = |handle| self.owned.has(channel.id(), handle);
        let judged = client.rights.judge(&command, owns);
        let opens = matches!(judged, Ok(Meaning::Open | Meaning::Exec));
        let refused = match judged {
            Err(refusal) => Some((End::Refused(refusal), refused(&command, refusal))),
            Ok(_) if !self.link.is_open() => Some((End::Gone, complaint(&command.name, End::Gone))),
            Ok(_) if opens && !self.owned.has_room(channel.id()) => {
                let name = &command.name;
                let what = format!("{name}: this client has {MAX_HANDLES} handles already");
                Some((End::Refused(Refusal::Handle), what))
            }
            Ok(_) if self.queued_bytes >= MAX_QUEUED_BYTES => {
                Some((End::Busy, complaint(&command.name, End::Busy)))
            }
            Ok(_) => None,
        };
        if let Some((end, desc)) = refused {
            let class = match end {
                End::Refused(Refusal::Command) => Class::CommandNotFound,
                _ => Class::GenericError,
            };
            let told = audit::asked(&client.who, &command);
            count_end(end);
            log::info(audit::line(&told, end, Duration::ZERO));
            let delimits = judged.is_ok_and(|meaning| meaning.delimits());
            let answer = Answer::error(class, &desc, id.as_deref()).delimited(delimits);
            return self.push(channel, Job::Tell(answer), now);
        }
        let Ok(meaning) = judged else { return };
        let asker = Asker::Client {
            channel: channel.id(),
            id,
        };
        let ticket = self.next_ticket;
        self.next_ticket = ticket.saturating_add(1);
        let ask = Ask::new(ticket, &command, meaning, (asker, &client.who), now);
        self.queued_bytes = self.queued_bytes.saturating_add(ask.weight());
        self.push(channel, Job::Ask(ask), now);
    }

    /// A command has left the queue.
    pub(super) fn was_queued(&mut self, ask: &Ask) {
        if ask.is_of_client() {
            self.queued_bytes = self.queued_bytes.saturating_sub(ask.weight());
        }
    }

    fn push(&mut self, channel: Channel, job: Job, now: Duration) {
        self.queue.push(Lane::Client(channel.id()), job, now);
    }

    /// Tells a client something, and what need not wait for the agent after it.
    pub(super) fn tell(&mut self, channel: u64, answer: Answer, now: Duration) {
        if let Some(client) = self.clients.get_mut(&channel) {
            client.tell(answer, now);
        }
        self.settle(Channel::from_id(channel), now);
    }

    /// Does for a client what can be done without the agent: tells what is next,
    /// sends what it takes, listens again, and lets it go when all is said.
    pub(super) fn settle(&mut self, channel: Channel, now: Duration) {
        let lane = Lane::Client(channel.id());
        let is_asking = self.sent.as_ref().is_some_and(|ask| ask.lane() == lane);
        let Some(client) = self.clients.get_mut(&channel.id()) else {
            return;
        };
        // To one who is gone nothing can be sent, and its close follows.
        while client.flush(channel, now).is_ok()
            && client.answers.is_empty()
            && !is_asking
            && matches!(self.queue.first(lane), Some(Job::Tell(_)))
        {
            if let Some(Job::Tell(answer)) = self.queue.take_first(lane) {
                client.tell(answer, now);
            }
        }
        let is_done = !is_asking && client.answers.is_empty() && self.queue.len(lane) == 0;
        if client.ended && is_done {
            // Its end of the stream came: all that it asked is answered.
            channel.close();
        }
        self.listen_again(channel);
    }

    pub(super) fn client_ended(&mut self, channel: Channel, now: Duration) {
        let Some(client) = self.clients.get_mut(&channel.id()) else {
            return;
        };
        client.ended = true;
        if client.input.is_inside() {
            client.input.reset();
            self.client_erred(channel, Fault::Torn, now);
        }
        self.settle(channel, now);
    }

    pub(super) fn client_left(&mut self, channel: Channel, now: Duration) {
        let Some(client) = self.clients.remove(&channel.id()) else {
            return;
        };
        self.count_clients();
        let lane = Lane::Client(channel.id());
        while let Some(job) = self.queue.take_first(lane) {
            if let Job::Ask(ask) = job {
                self.was_queued(&ask);
                self.audit(&ask, End::Left, now);
            }
        }
        for handle in self.owned.take_all(channel.id()) {
            self.close_handle(handle, now);
        }
        if let Some(class) = self.services.locking_class()
            && client.class.as_deref() == Some(class)
            && !self
                .clients
                .values()
                .any(|other| other.class == client.class)
        {
            self.services.lock();
            if self.present {
                let effects = self.services.ask_lock();
                self.take_effect(effects, now);
            }
        }
    }

    /// Refuses all commands of clients that have waited too long for their turn.
    pub(super) fn expire(&mut self, now: Duration) {
        let wait = self.spec.wait;
        self.refuse_all(End::Busy, now, |since| since.saturating_add(wait) <= now);
    }

    /// Refuses the commands of clients that wait, since when `is_meant` says.
    pub(super) fn refuse_all(
        &mut self,
        end: End,
        now: Duration,
        is_meant: impl Fn(Duration) -> bool,
    ) {
        let mut refused = Vec::new();
        for (_, since, job) in self.queue.jobs_mut() {
            let Job::Ask(ask) = job else { continue };
            if ask.is_of_client() && is_meant(since) {
                let answer = ask.refuse(&complaint(&ask.name, end));
                if let Job::Ask(ask) = std::mem::replace(job, Job::Tell(answer)) {
                    refused.push(ask);
                }
            }
        }
        for ask in refused {
            self.was_queued(&ask);
            self.audit(&ask, end, now);
            if let Lane::Client(channel) = ask.lane() {
                self.settle(Channel::from_id(channel), now);
            }
        }
    }

    /// Lets those go that take nothing of what they are to have.
    pub(super) fn let_stalled_go(&mut self, now: Duration) {
        let has_stalled = |client: &Client| client.stalls_at().is_some_and(|at| at <= now);
        let stalled: Vec<u64> = self
            .clients
            .iter_mut()
            .filter(|(_, client)| has_stalled(client))
            .map(|(channel, client)| {
                client.answers.clear();
                client.paused = false;
                *channel
            })
            .collect();
        for channel in stalled {
            metrics::count("clients_stalled", 1);
            log::warn(format_args!(
                "the client on channel {channel} takes no replies: it is let go"
            ));
            let channel = Channel::from_id(channel);
            channel.close();
            // Its close follows only when it is listened to.
            channel.resume();
        }
    }

    /// Writes a command's line, and counts how it ended.
    pub(super) fn audit(&self, ask: &Ask, end: End, now: Duration) {
        let line = audit::line(&ask.told, end, now.saturating_sub(ask.since));
        match ask.is_routine() {
            true => log::debug(line),
            false => log::info(line),
        }
        count_end(end);
    }
}

fn count_end(end: End) {
    let name = match end {
        End::Done => return,
        End::Failed(_) => "commands_failed",
        End::Refused(_) => "commands_refused",
        End::Late => "commands_late",
        End::Gone => "commands_gone",
        End::Busy => "commands_busy",
        End::Unfit => "commands_unfit",
        End::Left => "commands_left",
    };
    metrics::count(name, 1);
}

/// What a client is told of a command that the policy refuses, in the words that
/// the agent has for one that is switched off.
fn refused(command: &Command, refusal: Refusal) -> String {
    let name: String = command.name.chars().take(64).collect();
    match refusal {
        Refusal::Command => format!("Command {name} has been disabled: {refusal}"),
        _ => format!("{name}: {refusal}"),
    }
}
