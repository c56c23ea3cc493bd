//! The guest's side: what the agent is sent, and what it says.

use std::mem;
use std::time::Duration;

use portunus_plugin_sdk::{Channel, CloseReason, log, metrics};

use super::Agent;
use crate::answer::{Answer, Span};
use crate::ask::{Ask, Asker, Job, Task};
use crate::audit::End;
use crate::exec::{Started, Status};
use crate::info::view;
use crate::link::Heard;
use crate::queue::Lane;
use crate::reply::{Outcome, Reply};
use crate::rights::{Handle, Meaning};
use crate::scan::{Fault, Frame, Piece};
use crate::surroundings::Surroundings;

impl<S: Surroundings> Agent<S> {
    pub(super) fn guest_opened(&mut self, now: Duration) {
        self.forget_what_was_said();
        let sync = self.link.open(now, self.surroundings.random());
        self.send(&sync);
    }

    pub(super) fn guest_closed(&mut self, why: &CloseReason, now: Duration) {
        self.link.close();
        self.forget_what_was_said();
        self.present = false;
        self.owned.clear();
        let effects = self.services.agent_went(*why != CloseReason::Closed);
        self.take_effect(effects, now);
        if let Some(ask) = self.sent.take() {
            // One that goes when it was asked to go has done that.
            let end = match ask.meaning {
                Meaning::Silent => End::Done,
                _ => End::Gone,
            };
            self.conclude(ask, end, None, now);
        }
        self.refuse_all(End::Gone, now, |_| true);
        while self.queue.take_first(Lane::Own).is_some() {}
    }

    fn forget_what_was_said(&mut self) {
        self.output.clear();
        self.input.reset();
        self.delimited = false;
    }

    /// Sends bytes to the agent, after those that wait.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.output.push(Answer::raw(bytes));
        }
        // To one who is gone nothing can be sent, and its close follows.
        if self
            .output
            .flush(|bytes| Channel::GUEST.send(bytes))
            .is_err()
        {
            self.output.clear();
        }
    }

    /// Takes all that the guest says: it is never held up.
    pub(super) fn guest_said(&mut self, data: &[u8], now: Duration) -> usize {
        let mut rest = data;
        while !rest.is_empty() {
            let (taken, piece) = self.input.feed(rest);
            rest = rest.get(taken..).unwrap_or_default();
            match piece {
                None => {}
                Some(Piece::Delimiter) => self.delimited = true,
                Some(Piece::Object(frame)) => {
                    let delimited = mem::take(&mut self.delimited);
                    self.hear(frame, delimited, now);
                }
                Some(Piece::Broken(fault)) => {
                    self.delimited = false;
                    self.hear_fault(fault, now);
                }
            }
        }
        data.len()
    }

    fn hear(&mut self, frame: Frame, delimited: bool, now: Duration) {
        let Some(reply) = Reply::parse(&frame) else {
            metrics::count("replies_broken", 1);
            return;
        };
        let heard = self.link.hear(&reply, delimited, now);
        match heard {
            Heard::Unasked => {
                metrics::count("replies_unasked", 1);
                return;
            }
            Heard::Synced(took) => {
                metrics::count("syncs", 1);
                metrics::gauge("sync_seconds", took.as_secs_f64());
                if mem::take(&mut self.silent) {
                    log::info("the guest's agent answers again");
                }
                if !mem::replace(&mut self.present, true) {
                    let effects = self.services.agent_came();
                    self.take_effect(effects, now);
                }
            }
            Heard::Silence(_) => {
                if let Some(ask) = self.sent.take() {
                    self.conclude(ask, End::Done, None, now);
                }
            }
            Heard::Answer(_) => {
                if let Some(ask) = self.sent.take() {
                    let end = match reply.outcome {
                        Outcome::Returned(_) => End::Done,
                        Outcome::Failed(failure) => End::Failed(failure.class),
                    };
                    let span = Span::of(reply.outcome, &frame);
                    self.conclude(ask, end, Some((frame, span)), now);
                }
            }
        }
        self.health_at = now.saturating_add(self.spec.health);
        self.serve(now);
    }

    /// Something came that is no object. Where it can only be the reply to the
    /// command that the agent has, nobody waits for that any longer.
    fn hear_fault(&mut self, fault: Fault, now: Duration) {
        let is_reply = match fault {
            Fault::TooLong | Fault::TooDeep | Fault::NoRoom => {
                metrics::count("replies_too_large", 1);
                true
            }
            Fault::Garbage | Fault::Torn => {
                metrics::count("replies_broken", 1);
                false
            }
        };
        if let Some(ask) = self.sent.take_if(|_| is_reply) {
            let sync = self.link.sync(now, self.surroundings.random());
            self.send(&sync);
            self.conclude(ask, End::Unfit, None, now);
        }
    }

    /// The command that the agent has is late.
    pub(super) fn give_up(&mut self, now: Duration) {
        if let Some(ask) = self.sent.take() {
            self.conclude(ask, End::Late, None, now);
        }
    }

    /// A command has come to its end, in whatever way.
    pub(super) fn conclude(
        &mut self,
        ask: Ask,
        end: End,
        reply: Option<(Frame, Span)>,
        now: Duration,
    ) {
        match ask.asker {
            Asker::Own(task) => {
                self.audit(&ask, end, now);
                self.hear_own(task, end, reply, now);
            }
            Asker::Client { channel, .. } if self.clients.contains_key(&channel) => {
                let (answer, end) = self.answer(&ask, channel, end, reply);
                self.audit(&ask, end, now);
                self.tell(channel, answer, now);
            }
            Asker::Client { .. } => {
                self.audit(&ask, End::Left, now);
                // A file that nobody has, nobody would close.
                if let (Meaning::Open, Some((frame, span))) = (&ask.meaning, reply)
                    && let Some(number) = span.text(&frame).parse().ok()
                {
                    self.close_handle(Handle::File(number), now);
                }
            }
        }
    }

    /// What a client is told, and how its command ended then.
    fn answer(
        &mut self,
        ask: &Ask,
        channel: u64,
        end: End,
        reply: Option<(Frame, Span)>,
    ) -> (Answer, End) {
        let Asker::Client { id, .. } = &ask.asker else {
            return (Answer::raw(&[]), end);
        };
        let id = id.as_deref();
        let Some((frame, span)) = reply else {
            return match end {
                // An agent answers with nothing: so do we.
                End::Done => (Answer::raw(&[]), end),
                _ => (ask.refuse(&complaint(&ask.name, end)), end),
            };
        };
        if end != End::Done {
            let answer = Answer::passed_on(frame, span, id);
            return (answer.delimited(ask.meaning.delimits()), end);
        }
        let json = span.text(&frame);
        let unfit = |what: &str| (ask.refuse(&format!("{}: {what}", ask.name)), End::Unfit);
        match &ask.meaning {
            Meaning::Sync { number, delimited } => {
                return (Answer::synced(*number, *delimited, id), end);
            }
            Meaning::Info => {
                let client = self.clients.get(&channel);
                let may_ask = |name: &str| client.is_some_and(|client| client.rights.may_ask(name));
                return match view(json, may_ask) {
                    Some(view) => (Answer::returned(&view, id), end),
                    None => unfit("the agent did not return what it should"),
                };
            }
            Meaning::Open | Meaning::Exec => {
                let handle = match ask.meaning {
                    Meaning::Open => json.parse().ok().map(Handle::File),
                    _ => serde_json::from_str(json)
                        .ok()
                        .map(|Started { pid }| Handle::Process(pid)),
                };
                let Some(handle) = handle else {
                    return unfit("the agent did not return a handle");
                };
                if !self.owned.give(channel, handle) {
                    return unfit("the agent returned a handle that another client has");
                }
            }
            Meaning::Closes(handle) => self.owned.forget(*handle),
            Meaning::Uses(handle @ Handle::Process(_)) => {
                // The agent forgets a program when it has told its end.
                if let Ok(Status { exited: true, .. }) = serde_json::from_str(json) {
                    self.owned.forget(*handle);
                }
            }
            Meaning::Plain | Meaning::Silent | Meaning::Uses(Handle::File(_)) => {}
        }
        (Answer::passed_on(frame, span, id), end)
    }

    /// Sends the next command where the agent can take one, and tells what need
    /// not be asked.
    pub(super) fn serve(&mut self, now: Duration) {
        while self.sent.is_none() && self.link.is_idle() {
            let clients = &self.clients;
            let is_ready = |lane| match lane {
                Lane::Own => true,
                // What it has not taken yet comes first.
                Lane::Client(channel) => clients
                    .get(&channel)
                    .is_some_and(|client| client.answers.is_empty()),
            };
            match self.queue.take_next(is_ready) {
                None => break,
                Some((Lane::Client(channel), Job::Tell(answer))) => {
                    self.tell(channel, answer, now);
                }
                Some((Lane::Own, Job::Tell(_))) => {}
                Some((_, Job::Ask(ask))) => self.ask(ask, now),
            }
        }
    }

    fn ask(&mut self, mut ask: Ask, now: Duration) {
        self.was_queued(&ask);
        let is_silent = ask.meaning == Meaning::Silent;
        let time = self.spec.time_for(&ask.name);
        let random = self.surroundings.random();
        let fence = self.link.send(ask.ticket, is_silent, (now, time), random);
        let mut bytes = mem::take(&mut ask.bytes);
        bytes.extend(fence);
        let lane = ask.lane();
        self.sent = Some(ask);
        self.send(&bytes);
        if let Lane::Client(channel) = lane {
            // There is room for another of its commands.
            self.listen_again(Channel::from_id(channel));
        }
    }

    /// An own task's answer.
    fn hear_own(&mut self, task: Task, end: End, reply: Option<(Frame, Span)>, now: Duration) {
        if end == End::Gone {
            // The services hear that the agent went.
            return;
        }
        let parsed = reply.as_ref().and_then(|(frame, _)| Reply::parse(frame));
        let outcome = parsed.map(|reply| reply.outcome);
        let effects = match (task, end) {
            (Task::Stop, End::Done) => self.services.went_down(),
            _ => self.services.hear(task, outcome, now),
        };
        self.take_effect(effects, now);
    }
}

/// What a client is told of a command that the agent did not answer.
pub(super) fn complaint(name: &str, end: End) -> String {
    let name: String = name.chars().take(64).collect();
    let what = match end {
        End::Late => "the guest's agent did not answer in time",
        End::Gone => "the guest's agent is not there",
        End::Busy => {
            "the guest's agent was busy, or did not answer, for as long as a command waits"
        }
        End::Unfit => "the agent's reply is larger than the port allows",
        End::Done | End::Failed(_) | End::Refused(_) | End::Left => "it was not done",
    };
    format!("{name}: {what}")
}
