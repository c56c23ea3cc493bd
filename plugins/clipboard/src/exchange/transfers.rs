//! How content goes from one side to the other: wanted, judged, asked about,
//! fetched, given.

use std::rc::Rc;
use std::time::{Duration, Instant};

use portunus_plugin_sdk::{Channel, metrics};

use super::Exchange;
use crate::board::Offered;
use crate::capabilities::Capability;
use crate::client::{Client, Get, GetStage};
use crate::consent::{Refusal, Transfer, Verdict};
use crate::content::Content;
use crate::form;
use crate::kinds::{ContentType, Selection};
use crate::message::OurMessage;
use crate::questions::{Asker, Question};
use crate::reply::{self, Failure};
use crate::spec::Way;

/// How long the agent may take to send all of what it was asked for. It asks the
/// application that has it, which may be slow; a client need not wait for ever.
const FETCH_TIME: Duration = Duration::from_secs(30);

/// Whether a client waits for the agent to send content of this type.
pub(super) fn is_fetching(client: &Client, selection: Selection, kind: ContentType) -> bool {
    let is_it = |get: Get| {
        get.selection == selection && get.kind == kind && matches!(get.stage, GetStage::Fetching(_))
    };
    client.get.is_some_and(is_it)
}

impl Exchange {
    /// Puts an offer in the place of another, of which nothing more is to be had,
    /// and says so to everyone.
    pub(super) fn offer(&mut self, selection: Selection, offered: Offered, now: Instant) {
        let was_by_host = self.board.offer(selection).is_by_host();
        self.board.set(selection, offered, now);
        self.withdraw(Failure::Replaced, |one| one == selection);
        let is_by_host = self.board.offer(selection).is_by_host();
        if is_by_host {
            let needs_release = !self.agent.negotiation.can(Capability::NoReleaseOnRegrab);
            if was_by_host && needs_release && self.agent.negotiation.has_selection(selection) {
                self.tell_guest(OurMessage::Release { selection });
            }
            self.grab(selection);
        }
    }

    /// Tells the guest that the host has something to offer, if it has.
    pub(super) fn grab(&mut self, selection: Selection) {
        let Offered::ByHost { kind, .. } = *self.board.offer(selection).offered() else {
            return;
        };
        if self.agent.negotiation.has_selection(selection) {
            let serial = self.agent.negotiation.grab(selection);
            self.tell_guest(OurMessage::Grab {
                selection,
                serial,
                kind,
            });
        }
    }

    /// A client wants what the guest offers.
    pub(super) fn client_wants(
        &mut self,
        channel: Channel,
        id: Option<u64>,
        selection: Selection,
        kind: ContentType,
        now: Instant,
    ) -> Result<(), Failure> {
        let transfer = Transfer {
            way: Way::GuestToHost,
            selection,
            kind,
        };
        let who = self.clients.get(&channel).and_then(|client| client.who);
        let refuse = |exchange: &mut Self, refusal| {
            exchange.audit.refused(transfer, refusal, who, now);
            Err(Failure::Refused(refusal))
        };
        if let Err(refusal) = self.consent.permits(transfer) {
            return refuse(self, refusal);
        }
        if !self.has_agent() {
            return Err(Failure::NoAgent);
        }
        match self.board.offer(selection).offered() {
            Offered::ByGuest(types) if types.contains(kind) => {}
            _ => return Err(Failure::NotOffered),
        }
        if !self.has_room() {
            return Err(Failure::Busy);
        }
        let is_allowed = self.board.offer(selection).is_allowed(kind);
        let stage = match self.consent.judge(transfer, is_allowed, now) {
            Verdict::Refused(refusal) => return refuse(self, refusal),
            Verdict::Allowed => GetStage::Fetching(fetch_until(now)),
            Verdict::Ask => match self.ask(transfer, Asker::Client(channel), now) {
                Ok(()) => GetStage::Asking,
                Err(refusal) => return refuse(self, refusal),
            },
        };
        if stage != GetStage::Asking {
            self.fetch(selection, kind);
        }
        if let Some(client) = self.clients.get_mut(&channel) {
            client.get = Some(Get {
                id,
                selection,
                kind,
                stage,
            });
        }
        Ok(())
    }

    /// The guest wants what the host offers, and it is offered.
    pub(super) fn guest_wants(&mut self, selection: Selection, kind: ContentType, now: Instant) {
        let transfer = Transfer {
            way: Way::HostToGuest,
            selection,
            kind,
        };
        let is_allowed = self.board.offer(selection).is_allowed(kind);
        let refusal = match self.consent.judge(transfer, is_allowed, now) {
            Verdict::Allowed => return self.give_guest(transfer),
            Verdict::Refused(refusal) => refusal,
            Verdict::Ask => match self.ask(transfer, Asker::Guest, now) {
                Ok(()) => return,
                Err(refusal) => refusal,
            },
        };
        self.refuse_guest(transfer, refusal, now);
    }

    /// Opens a question.
    fn ask(&mut self, transfer: Transfer, asker: Asker, now: Instant) -> Result<(), Refusal> {
        let is_heard = self
            .clients
            .keys()
            .any(|client| self.decides(*client) && asker != Asker::Client(*client));
        if !is_heard {
            return Err(Refusal::NobodyToAsk);
        }
        let offer = self.board.offer(transfer.selection).number();
        let ask_time = self.consent.spec().ask_time;
        let until = now.checked_add(ask_time).unwrap_or(now);
        let who = match asker {
            Asker::Client(channel) => self.clients.get(&channel).and_then(|client| client.who),
            Asker::Guest => None,
        };
        self.questions
            .open(transfer, asker, who, offer, until)
            .map(|_number| metrics::count("questions", 1))
            .ok_or(Refusal::TooManyQuestions)
    }

    fn decides(&self, client: Channel) -> bool {
        self.clients.get(&client).is_some_and(Client::decides)
    }

    /// A client answers a question.
    pub(super) fn answer(
        &mut self,
        client: Channel,
        number: u64,
        allow: bool,
        now: Instant,
    ) -> Result<(), Failure> {
        if !self.decides(client) {
            return Err(Failure::MayNotDecide);
        }
        let answered = self
            .questions
            .take_where(|question| question.number == number && question.is_for(client));
        if answered.is_empty() {
            return Err(Failure::NoQuestion);
        }
        for question in answered {
            match allow {
                true => self.allow(question, now),
                false => self.refuse(question, Refusal::Denied, now),
            }
        }
        Ok(())
    }

    fn allow(&mut self, question: Question, now: Instant) {
        let Transfer {
            selection, kind, ..
        } = question.transfer;
        let offer = self.board.offer_mut(selection);
        if offer.number() != question.offer {
            // Withdrawn with its offer; there is no such question any more.
            return;
        }
        offer.allow(kind);
        match question.asker {
            Asker::Guest => self.give_guest(question.transfer),
            Asker::Client(channel) => {
                let until = fetch_until(now);
                self.fetch(selection, kind);
                if let Some(client) = self.clients.get_mut(&channel)
                    && let Some(get) = &mut client.get
                {
                    get.stage = GetStage::Fetching(until);
                }
            }
        }
    }

    fn refuse(&mut self, question: Question, refusal: Refusal, now: Instant) {
        match question.asker {
            Asker::Guest => self.refuse_guest(question.transfer, refusal, now),
            Asker::Client(channel) => {
                self.audit
                    .refused(question.transfer, refusal, question.who, now);
                self.fail_get(channel, &Failure::Refused(refusal));
            }
        }
    }

    /// Refuses what nobody answered in time.
    pub(super) fn refuse_late_questions(&mut self, now: Instant) {
        for question in self.questions.take_where(|question| question.until <= now) {
            self.refuse(question, Refusal::Unanswered, now);
        }
    }

    /// Refuses what nobody is there to answer any more.
    pub(super) fn refuse_unheard_questions(&mut self, now: Instant) {
        let deciders: Vec<Channel> = self
            .clients
            .keys()
            .copied()
            .filter(|client| self.decides(*client))
            .collect();
        let is_unheard =
            |question: &Question| !deciders.iter().any(|client| question.is_for(*client));
        for question in self.questions.take_where(is_unheard) {
            self.refuse(question, Refusal::NobodyToAsk, now);
        }
    }

    /// A client that is gone needs no answer.
    pub(super) fn forget_questions_of(&mut self, client: Channel) {
        self.questions
            .take_where(|question| question.asker == Asker::Client(client));
    }

    /// Sends to the guest what the host offers.
    fn give_guest(&mut self, transfer: Transfer) {
        let Transfer {
            selection, kind, ..
        } = transfer;
        let Offered::ByHost { content, .. } = self.board.offer(selection).offered() else {
            return;
        };
        let wants_crlf = self.agent.negotiation.can(Capability::GuestLineEndCrLf);
        let content = match kind {
            ContentType::Text if wants_crlf => Rc::new(form::with_crlf(content)),
            _ => Rc::clone(content),
        };
        self.audit.transferred(transfer, content.size(), None);
        let form = self.agent.negotiation.form();
        self.agent.out.push_content(selection, kind, content, form);
    }

    fn refuse_guest(&mut self, transfer: Transfer, refusal: Refusal, now: Instant) {
        self.audit.refused(transfer, refusal, None, now);
        self.tell_guest(OurMessage::NoContent {
            selection: transfer.selection,
            wire_type: transfer.kind.wire(),
        });
    }

    /// Asks the agent for content, unless it was asked already.
    fn fetch(&mut self, selection: Selection, kind: ContentType) {
        let is_asked = self
            .clients
            .values()
            .any(|client| is_fetching(client, selection, kind));
        if !is_asked {
            self.tell_guest(OurMessage::Request { selection, kind });
        }
    }

    /// The agent has sent what it was asked for.
    pub(super) fn content_came(
        &mut self,
        selection: Selection,
        kind: ContentType,
        content: Content,
        now: Instant,
    ) {
        if content.size() == 0 {
            // What it says where it has nothing, or more than we take.
            return self.fail_fetches(selection, kind, &Failure::NoContent);
        }
        if !form::is_well_formed(kind, &content) {
            return self.refuse_fetches(selection, kind, Refusal::Form, now);
        }
        let has_crlf = self.agent.negotiation.can(Capability::GuestLineEndCrLf);
        let content = match kind {
            ContentType::Text if has_crlf => Rc::new(form::with_lf(&content)),
            _ => Rc::new(content),
        };
        let transfer = Transfer {
            way: Way::GuestToHost,
            selection,
            kind,
        };
        for client in self.clients.values_mut() {
            if is_fetching(client, selection, kind)
                && let Some(get) = client.get.take()
            {
                self.audit.transferred(transfer, content.size(), client.who);
                client.give(get.id, Rc::clone(&content));
            }
        }
    }

    pub(super) fn content_too_large(
        &mut self,
        selection: Selection,
        kind: ContentType,
        now: Instant,
    ) {
        self.refuse_fetches(selection, kind, Refusal::Size, now);
    }

    fn refuse_fetches(
        &mut self,
        selection: Selection,
        kind: ContentType,
        refusal: Refusal,
        now: Instant,
    ) {
        let transfer = Transfer {
            way: Way::GuestToHost,
            selection,
            kind,
        };
        for client in self.clients.values() {
            if is_fetching(client, selection, kind) {
                self.audit.refused(transfer, refusal, client.who, now);
            }
        }
        self.fail_fetches(selection, kind, &Failure::Refused(refusal));
    }

    /// The type that the agent was asked for longest ago, of those it still owes.
    pub(super) fn oldest_fetch(&self, selection: Selection) -> Option<ContentType> {
        let fetches = self.clients.values().filter_map(|client| {
            let get = client.get.filter(|get| get.selection == selection)?;
            match get.stage {
                GetStage::Fetching(until) => Some((until, get.kind)),
                GetStage::Asking => None,
            }
        });
        fetches.min().map(|(_, kind)| kind)
    }

    pub(super) fn fail_fetches(
        &mut self,
        selection: Selection,
        kind: ContentType,
        failure: &Failure,
    ) {
        for client in self.clients.values_mut() {
            if is_fetching(client, selection, kind) {
                fail(client, failure);
            }
        }
    }

    fn fail_get(&mut self, channel: Channel, failure: &Failure) {
        if let Some(client) = self.clients.get_mut(&channel) {
            fail(client, failure);
        }
    }

    /// Ends what clients and guest wait for in some selections: it is not offered
    /// any more.
    pub(super) fn withdraw(&mut self, failure: Failure, is_meant: impl Fn(Selection) -> bool) {
        let withdrawn = self
            .questions
            .take_where(|question| is_meant(question.transfer.selection));
        for question in withdrawn {
            if question.asker == Asker::Guest {
                self.tell_guest(OurMessage::NoContent {
                    selection: question.transfer.selection,
                    wire_type: question.transfer.kind.wire(),
                });
            }
        }
        for client in self.clients.values_mut() {
            if client.get.is_some_and(|get| is_meant(get.selection)) {
                fail(client, &failure);
            }
        }
    }

    /// Fails what the agent has not sent in time.
    pub(super) fn fail_late_gets(&mut self, now: Instant) {
        for client in self.clients.values_mut() {
            if deadline(client).is_some_and(|until| until <= now) {
                metrics::count("fetches_unanswered", 1);
                fail(client, &Failure::Unanswered);
            }
        }
    }

    pub(super) fn next_get_deadline(&self) -> Option<Instant> {
        self.clients.values().filter_map(deadline).min()
    }
}

fn deadline(client: &Client) -> Option<Instant> {
    match client.get?.stage {
        GetStage::Fetching(until) => Some(until),
        GetStage::Asking => None,
    }
}

/// Ends what a client waits for.
fn fail(client: &mut Client, failure: &Failure) {
    if let Some(get) = client.get.take() {
        client.answer(reply::failed(get.id, failure));
    }
}

fn fetch_until(now: Instant) -> Instant {
    now.checked_add(FETCH_TIME).unwrap_or(now)
}
