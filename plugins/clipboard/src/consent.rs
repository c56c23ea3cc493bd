//! What may be shared: the policy's word on one transfer, or on one offer.

use std::fmt;
use std::time::{Duration, Instant};

use crate::kinds::{ContentType, Selection, TypeSet};
use crate::spec::{Spec, Way};

/// The time over which a rate is counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Content that is to go from one side to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) way: Way,
    pub(crate) selection: Selection,
    pub(crate) kind: ContentType,
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            way,
            selection,
            kind,
        } = self;
        write!(f, "{way} selection={selection} type={kind}")
    }
}

/// Why something is not shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// The policy allows nothing to go that way.
    Direction,
    /// The policy shares other selections.
    Selection,
    /// The policy shares other types.
    Type,
    /// Larger than the policy allows.
    Size,
    /// More often than the policy allows.
    Rate,
    /// Who was asked said no.
    Denied,
    /// Nobody was there to be asked.
    NobodyToAsk,
    /// Nobody answered in time.
    Unanswered,
    /// As many questions are open as there may be.
    TooManyQuestions,
    /// Not in the form that its type has.
    Form,
}

impl Refusal {
    /// A word for programs, after `refused-` in answers; the names of metrics
    /// have it with underscores.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Direction => "direction",
            Self::Selection => "selection",
            Self::Type => "type",
            Self::Size => "size",
            Self::Rate => "rate",
            Self::Denied => "denied",
            Self::NobodyToAsk => "nobody-to-ask",
            Self::Unanswered => "unanswered",
            Self::TooManyQuestions => "too-many-questions",
            Self::Form => "form",
        }
    }

    /// The reason for people.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Direction => "the port's `direction` does not allow it",
            Self::Selection => "the selection is not among the port's `selections`",
            Self::Type => "the type is not among the port's `types`",
            Self::Size => "it is larger than the port's `max-size`",
            Self::Rate => "there were as many in the last minute as the port's `rate` allows",
            Self::Denied => "who was asked said no",
            Self::NobodyToAsk => "it must be asked for, and no client is there that decides",
            Self::Unanswered => "nobody who was asked answered within the port's `ask-time`",
            Self::TooManyQuestions => "too many questions are open",
            Self::Form => {
                "it is not what its type says: text is UTF-8, a file list is absolute paths after `copy` or `cut`"
            }
        }
    }
}

/// The policy's word on a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may go.
    Allowed,
    /// A client is to be asked.
    Ask,
    /// It may not.
    Refused(Refusal),
}

/// The policy, and what has been made use of.
#[derive(Debug)]
pub(crate) struct Consent {
    spec: Spec,
    to_host: Bucket,
    to_guest: Bucket,
}

impl Consent {
    pub(crate) fn new(spec: Spec) -> Self {
        Self {
            spec,
            to_host: Bucket::default(),
            to_guest: Bucket::default(),
        }
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Whether this may ever be shared, whatever was before.
    pub(crate) fn permits(&self, transfer: Transfer) -> Result<(), Refusal> {
        let Transfer {
            way,
            selection,
            kind,
        } = transfer;
        if !self.spec.direction.has(way) {
            Err(Refusal::Direction)
        } else if !self.spec.selections.contains(&selection) {
            Err(Refusal::Selection)
        } else if !self.spec.types.contains(kind) {
            Err(Refusal::Type)
        } else {
            Ok(())
        }
    }

    /// Of what the guest offers, what may be told to the host.
    pub(crate) fn permitted(&self, way: Way, selection: Selection, offered: TypeSet) -> TypeSet {
        let permitted = |kind: &ContentType| {
            self.permits(Transfer {
                way,
                selection,
                kind: *kind,
            })
            .is_ok()
        };
        offered.iter().filter(permitted).collect()
    }

    /// The word on a transfer that is to happen now. `said_yes`: a client has been
    /// asked about the same content and type before.
    pub(crate) fn judge(&mut self, transfer: Transfer, said_yes: bool, now: Instant) -> Verdict {
        if let Err(refusal) = self.permits(transfer) {
            return Verdict::Refused(refusal);
        }
        let rate = self.spec.rate_per_minute;
        let bucket = match transfer.way {
            Way::GuestToHost => &mut self.to_host,
            Way::HostToGuest => &mut self.to_guest,
        };
        if !bucket.take(rate, now) {
            return Verdict::Refused(Refusal::Rate);
        }
        if self.spec.ask.has(transfer.way) && !said_yes {
            return Verdict::Ask;
        }
        Verdict::Allowed
    }
}

/// Counts what happens within a minute: each takes its part of one, and time
/// gives it back.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// When all will have been given back.
    empty_at: Option<Instant>,
}

impl Bucket {
    /// Takes one of `rate` in a minute, if there is one.
    pub(crate) fn take(&mut self, rate: u32, now: Instant) -> bool {
        let part = MINUTE.checked_div(rate).unwrap_or(MINUTE);
        let from = self.empty_at.map_or(now, |empty_at| empty_at.max(now));
        let Some(empty_at) = from.checked_add(part) else {
            return false;
        };
        let fits = empty_at.saturating_duration_since(now) <= MINUTE;
        if fits {
            self.empty_at = Some(empty_at);
        }
        fits
    }
}

#[cfg(test)]
#[path = "consent_tests.rs"]
mod tests;
