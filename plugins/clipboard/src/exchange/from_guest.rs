//! What the guest's agent says, and what it leads to.

use std::time::Instant;

use portunus_plugin_sdk::{Channel, log, metrics};

use super::{Agent, Exchange, Expected};
use crate::board::Offered;
use crate::capabilities::{Capabilities, Capability};
use crate::chunks::LostSync;
use crate::intake::Said;
use crate::kinds::{ContentType, Selection, TypeSet};
use crate::message::{AgentMessage, Ignored, OurMessage};
use crate::negotiation::Grab;
use crate::reply::Failure;
use crate::spec::Way;

impl Exchange {
    /// Takes what the guest sends, as long as it reads what it is told; returns
    /// how many bytes that was.
    pub(crate) fn guest_data(&mut self, data: &[u8], now: Instant) -> usize {
        let mut rest = data;
        loop {
            if !self.agent.is_heard {
                // Until it opens its port anew.
                return data.len();
            }
            if !self.agent.out.has_room() {
                self.pump_guest();
            }
            if !self.agent.out.has_room() {
                return data.len().saturating_sub(rest.len());
            }
            match self.guest_part(rest, now) {
                Ok(0) if rest.is_empty() => return data.len(),
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err(fault) => self.lose_sync(fault),
            }
        }
    }

    /// Takes bytes up to the end of what they say, and heeds that.
    fn guest_part(&mut self, data: &[u8], now: Instant) -> Result<usize, LostSync> {
        let agent = &mut self.agent;
        let (taken, part) = agent.stream.feed(data)?;
        let expected = Expected {
            clients: &self.clients,
            max_bytes: self.consent.spec().max_bytes,
            form: agent.negotiation.form(),
        };
        let said = part.and_then(|part| agent.intake.take(part, &expected));
        if let Some(said) = said {
            self.heed(said, now);
        }
        Ok(taken)
    }

    /// Nothing that the guest sends on this open makes sense any more. Its agent
    /// sees the port close, opens it again, and both begin anew.
    fn lose_sync(&mut self, fault: LostSync) {
        metrics::count("lost_sync", 1);
        log::warn(format_args!(
            "closing the guest's end, whose agent should open it again: {fault}"
        ));
        self.agent = Agent::default();
        Channel::GUEST.close();
    }

    fn heed(&mut self, said: Said, now: Instant) {
        match said {
            Said::Message(AgentMessage::Announce { wants_ours, theirs }) => {
                self.announced(wants_ours, theirs);
            }
            Said::Message(AgentMessage::Grab {
                selection,
                serial,
                types,
            }) => self.grabbed(selection, serial, types, now),
            Said::Message(AgentMessage::Request {
                selection,
                wire_type,
            }) => self.requested(selection, wire_type, now),
            Said::Message(AgentMessage::Release { selection }) => self.released(selection, now),
            Said::Content {
                selection,
                kind,
                content,
            } => self.content_came(selection, kind, content, now),
            Said::NoContent { selection } => self.no_content(selection),
            Said::TooLarge { selection, kind } => self.content_too_large(selection, kind, now),
            Said::Ignored(why) => metrics::count(counter(why), 1),
        }
    }

    fn announced(&mut self, wants_ours: bool, theirs: Capabilities) {
        let announced = self.agent.negotiation.announced(wants_ours, theirs);
        if let Some(answer) = announced.answer {
            self.tell_guest(answer);
        }
        if !announced.agreed {
            return;
        }
        if !self.has_agent() {
            log::warn("the guest's agent cannot be asked for content: its clipboard is not shared");
            return;
        }
        log::info("the guest's agent is there");
        if self.agent.negotiation.can(Capability::MaxClipboard) {
            let max_bytes = i32::try_from(self.consent.spec().max_bytes).unwrap_or(i32::MAX);
            self.tell_guest(OurMessage::MaxClipboard(max_bytes));
        }
        for selection in Selection::ALL {
            self.grab(selection);
        }
    }

    /// The guest has something to offer, of which nothing is asked for by that.
    fn grabbed(&mut self, selection: Selection, serial: Option<u32>, types: TypeSet, now: Instant) {
        match self.agent.negotiation.grabbed(selection, serial) {
            Grab::Latest => {}
            Grab::Crossed => return metrics::count("grabs_crossed", 1),
            Grab::Forged => return metrics::count("grabs_forged", 1),
        }
        metrics::count("grabs", 1);
        let types = self.consent.permitted(Way::GuestToHost, selection, types);
        if types.is_empty() {
            metrics::count("grabs_not_permitted", 1);
            // Whoever offered something before does so no more.
            self.offer(selection, Offered::Nothing, now);
        } else {
            self.offer(selection, Offered::ByGuest(types), now);
        }
    }

    fn released(&mut self, selection: Selection, now: Instant) {
        if self.board.offer(selection).is_by_guest() {
            self.offer(selection, Offered::Nothing, now);
        }
    }

    /// The guest wants what the host offers.
    fn requested(&mut self, selection: Selection, wire_type: u32, now: Instant) {
        let kind = ContentType::from_wire(wire_type);
        match (self.board.offer(selection).offered(), kind) {
            (Offered::ByHost { kind: offered, .. }, Some(kind)) if *offered == kind => {
                self.guest_wants(selection, kind, now);
            }
            _ => {
                metrics::count("requests_without_offer", 1);
                self.tell_guest(OurMessage::NoContent {
                    selection,
                    wire_type,
                });
            }
        }
    }

    fn no_content(&mut self, selection: Selection) {
        // Of several that wait, the agent does not say which it answers.
        let waits = self.oldest_fetch(selection);
        match waits {
            Some(kind) => self.fail_fetches(selection, kind, &Failure::NoContent),
            None => metrics::count(counter(Ignored::Unasked), 1),
        }
    }
}

/// What counts messages that are not heeded for this reason.
const fn counter(why: Ignored) -> &'static str {
    match why {
        Ignored::OtherMatter => "messages_of_other_matters",
        Ignored::Protocol => "messages_of_other_protocols",
        Ignored::Malformed => "messages_malformed",
        Ignored::Unasked => "contents_unasked",
    }
}
