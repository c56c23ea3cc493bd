//! What a client asks for, line by line.

use std::rc::Rc;
use std::time::Instant;

use portunus_plugin_sdk::{Channel, Line, metrics};

use super::Exchange;
use crate::board::Offered;
use crate::client::Upload;
use crate::consent::{Refusal, Transfer};
use crate::content::Content;
use crate::form;
use crate::kinds::{ContentType, Selection};
use crate::message::OurMessage;
use crate::reply::{self, Failure};
use crate::request::{self, BadLine, ContentPart, MAX_LINE_BYTES, Request};
use crate::spec::Way;

/// Whether what was asked for is done; nothing where its answer comes later.
type Outcome = Option<Result<(), Failure>>;

impl Exchange {
    /// Takes a client's lines, as long as it need not wait for the answer to one;
    /// returns how many bytes that was.
    pub(crate) fn client_data(&mut self, channel: Channel, data: &[u8], now: Instant) -> usize {
        let mut taken: usize = 0;
        while taken < data.len() {
            let Some(client) = self.clients.get_mut(&channel) else {
                // It is being closed.
                return data.len();
            };
            if client.must_wait() {
                client.held = true;
                break;
            }
            let (bytes, line) = client.lines.feed(data.get(taken..).unwrap_or_default());
            taken = taken.saturating_add(bytes);
            if let Some(line) = line {
                self.line(channel, &line, now);
            }
        }
        taken
    }

    /// Heeds one line.
    pub(super) fn line(&mut self, channel: Channel, line: &Line, now: Instant) {
        let (id, outcome) = match parse(line) {
            Ok((id, request)) => (id, self.heed_request(channel, id, request, now)),
            Err(BadLine(reason)) => {
                metrics::count("lines_bad", 1);
                (None, Some(Err(Failure::BadLine(reason))))
            }
        };
        let (Some(outcome), Some(client)) = (outcome, self.clients.get_mut(&channel)) else {
            return;
        };
        client.answer(match outcome {
            Ok(()) => reply::done(id),
            Err(failure) => reply::failed(id, &failure),
        });
    }

    fn heed_request(
        &mut self,
        channel: Channel,
        id: Option<u64>,
        request: Request,
        now: Instant,
    ) -> Outcome {
        match request {
            Request::Put {
                selection,
                kind,
                part,
            } => self.put(channel, selection, kind, part, now),
            Request::Data(part) => self.go_on(channel, part, now),
            Request::Get { selection, kind } => self.get(channel, id, selection, kind, now),
            Request::Watch => {
                self.clients.get_mut(&channel)?.watch();
                Some(Ok(()))
            }
            Request::Decide => Some(self.decide(channel)),
            Request::Answer { ask, allow } => Some(self.answer(channel, ask, allow, now)),
            Request::Clear { selection } => {
                self.clear(selection, now);
                Some(Ok(()))
            }
        }
    }

    /// Nothing is offered in this selection any more.
    pub(super) fn clear(&mut self, selection: Selection, now: Instant) {
        let by_host = self.board.offer(selection).is_by_host();
        if by_host && self.agent.negotiation.has_selection(selection) {
            self.tell_guest(OurMessage::Release { selection });
        }
        self.offer(selection, Offered::Nothing, now);
    }

    fn put(
        &mut self,
        channel: Channel,
        selection: Selection,
        kind: ContentType,
        part: ContentPart,
        now: Instant,
    ) -> Outcome {
        let transfer = Transfer {
            way: Way::HostToGuest,
            selection,
            kind,
        };
        let begun = match self.consent.permits(transfer) {
            Err(refusal) => {
                let who = self.clients.get(&channel)?.who;
                self.audit.refused(transfer, refusal, who, now);
                Err(Failure::Refused(refusal))
            }
            Ok(()) if !self.has_room() => Err(Failure::Busy),
            Ok(()) => Ok(()),
        };
        let client = self.clients.get_mut(&channel)?;
        if let Err(failure) = begun {
            client.upload = part.more.then_some(Upload::Refused);
            return Some(Err(failure));
        }
        client.upload = Some(Upload::Taken {
            selection,
            kind,
            content: Content::default(),
        });
        self.go_on(channel, part, now)
    }

    /// A client's content goes on.
    fn go_on(&mut self, channel: Channel, part: ContentPart, now: Instant) -> Outcome {
        let max_bytes = self.consent.spec().max_bytes;
        let client = self.clients.get_mut(&channel)?;
        let who = client.who;
        let (transfer, refusal) = match &mut client.upload {
            None => {
                let reason = "`data` goes on with a `put` that has `\"more\":true`";
                return Some(Err(Failure::BadLine(reason.into())));
            }
            Some(Upload::Refused) => {
                if !part.more {
                    client.upload = None;
                }
                return None;
            }
            Some(Upload::Taken {
                selection,
                kind,
                content,
                ..
            }) => {
                content.push(&part.bytes);
                let transfer = Transfer {
                    way: Way::HostToGuest,
                    selection: *selection,
                    kind: *kind,
                };
                let refusal = if content.size() as u64 > max_bytes {
                    Some(Refusal::Size)
                } else if !part.more && !form::is_well_formed(*kind, content) {
                    Some(Refusal::Form)
                } else {
                    None
                };
                (transfer, refusal)
            }
        };
        if let Some(refusal) = refusal {
            client.upload = part.more.then_some(Upload::Refused);
            self.audit.refused(transfer, refusal, who, now);
            return Some(Err(Failure::Refused(refusal)));
        }
        if part.more {
            return None;
        }
        if let Some(Upload::Taken { content, .. }) = client.upload.take() {
            self.audit.offered(transfer, content.size(), who);
            let offered = Offered::ByHost {
                kind: transfer.kind,
                content: Rc::new(content),
            };
            self.offer(transfer.selection, offered, now);
        }
        Some(Ok(()))
    }

    fn get(
        &mut self,
        channel: Channel,
        id: Option<u64>,
        selection: Selection,
        kind: ContentType,
        now: Instant,
    ) -> Outcome {
        match self.client_wants(channel, id, selection, kind, now) {
            Ok(()) => None,
            Err(failure) => Some(Err(failure)),
        }
    }

    fn decide(&mut self, channel: Channel) -> Result<(), Failure> {
        let deciders = self.consent.spec().deciders.as_deref();
        let Some(client) = self.clients.get_mut(&channel) else {
            return Ok(());
        };
        let uid = client.who.map(|who| who.uid);
        let may = deciders.is_none_or(|deciders| uid.is_some_and(|uid| deciders.contains(&uid)));
        if !may {
            metrics::count("deciders_refused", 1);
            return Err(Failure::MayNotDecide);
        }
        client.decide();
        Ok(())
    }
}

fn parse(line: &Line) -> Result<(Option<u64>, Request), BadLine> {
    if line.cut_bytes > 0 {
        return Err(BadLine(format!(
            "the line is longer than {MAX_LINE_BYTES} bytes: send content in parts, with `more`"
        )));
    }
    request::parse(&line.bytes)
}
