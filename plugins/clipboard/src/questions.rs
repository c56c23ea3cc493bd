//! What clients are asked: each question has a number, and an end.

use std::time::Instant;

use portunus_plugin_sdk::Channel;

use crate::audit::Who;
use crate::consent::Transfer;

/// How many questions may be open: a person reads no more, and each is kept.
const MAX_OPEN: usize = 16;

/// What waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A client that wants what the guest offers.
    Client(Channel),
    /// The guest, which wants what the host offers.
    Guest,
}

/// A question that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) number: u64,
    pub(crate) transfer: Transfer,
    pub(crate) asker: Asker,
    /// Who the asker is, where the host knows.
    pub(crate) who: Option<Who>,
    /// The offer that it is about.
    pub(crate) offer: u64,
    /// When it is too late for an answer.
    pub(crate) until: Instant,
}

impl Question {
    /// Whether a client may answer: nobody gives himself leave.
    pub(crate) fn is_for(&self, client: Channel) -> bool {
        self.asker != Asker::Client(client)
    }
}

/// The questions that are open, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    open: Vec<Question>,
    last: u64,
}

impl Questions {
    /// Opens one; nothing if too many are open.
    pub(crate) fn open(
        &mut self,
        transfer: Transfer,
        asker: Asker,
        who: Option<Who>,
        offer: u64,
        until: Instant,
    ) -> Option<u64> {
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        self.last = self.last.wrapping_add(1);
        self.open.push(Question {
            number: self.last,
            transfer,
            asker,
            who,
            offer,
            until,
        });
        Some(self.last)
    }

    /// Takes out those of which this is true.
    pub(crate) fn take_where(&mut self, is_meant: impl Fn(&Question) -> bool) -> Vec<Question> {
        self.open
            .extract_if(.., |question| is_meant(question))
            .collect()
    }

    /// Those that were opened after this one.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = &Question> {
        self.open
            .iter()
            .filter(move |question| question.number > number)
    }

    /// When the next one is too late.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.open.iter().map(|question| question.until).min()
    }
}
