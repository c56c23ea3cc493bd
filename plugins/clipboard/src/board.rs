//! Who offers what: one offer for each selection, of the guest's or of the
//! host's. An offer has no content that the other side could see.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::content::Content;
use crate::kinds::{ContentType, PerSelection, Selection, TypeSet};
use crate::reply::Side;

/// What a selection has.
#[derive(Debug, Clone, Default)]
pub(crate) enum Offered {
    #[default]
    Nothing,
    /// The guest has something, as these types.
    ByGuest(TypeSet),
    /// The host has this.
    ByHost {
        kind: ContentType,
        content: Rc<Content>,
    },
}

/// What a selection has, since when it has that, and who was asked about it.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    offered: Offered,
    /// Counts the selection's offers, so that two can be told apart.
    number: u64,
    /// The types that a client has said yes to.
    allowed: TypeSet,
    /// When it is forgotten, if it is.
    until: Option<Instant>,
}

impl Offer {
    pub(crate) fn offered(&self) -> &Offered {
        &self.offered
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn is_allowed(&self, kind: ContentType) -> bool {
        self.allowed.contains(kind)
    }

    /// A client has said yes: for as long as this is offered.
    pub(crate) fn allow(&mut self, kind: ContentType) {
        self.allowed.insert(kind);
    }

    /// What may be told of it: whose, and as which types.
    pub(crate) fn summary(&self) -> Option<(Side, TypeSet)> {
        match &self.offered {
            Offered::Nothing => None,
            Offered::ByGuest(types) => Some((Side::Guest, *types)),
            Offered::ByHost { kind, .. } => Some((Side::Host, [*kind].into_iter().collect())),
        }
    }

    pub(crate) fn is_by_guest(&self) -> bool {
        matches!(self.offered, Offered::ByGuest(_))
    }

    pub(crate) fn is_by_host(&self) -> bool {
        matches!(self.offered, Offered::ByHost { .. })
    }
}

/// The offers of all selections.
#[derive(Debug, Default)]
pub(crate) struct Board {
    offers: PerSelection<Offer>,
    clear_after: Option<Duration>,
}

impl Board {
    /// No offers; each is forgotten after that time, if there is one.
    pub(crate) fn new(clear_after: Option<Duration>) -> Self {
        Self {
            offers: PerSelection::default(),
            clear_after,
        }
    }

    pub(crate) fn offer(&self, selection: Selection) -> &Offer {
        self.offers.get(selection)
    }

    pub(crate) fn offer_mut(&mut self, selection: Selection) -> &mut Offer {
        self.offers.get_mut(selection)
    }

    /// Puts an offer in the place of another.
    pub(crate) fn set(&mut self, selection: Selection, offered: Offered, now: Instant) {
        let until = match offered {
            Offered::Nothing => None,
            Offered::ByGuest(_) | Offered::ByHost { .. } => self
                .clear_after
                .and_then(|clear_after| now.checked_add(clear_after)),
        };
        let offer = self.offers.get_mut(selection);
        *offer = Offer {
            offered,
            number: offer.number.wrapping_add(1),
            allowed: TypeSet::default(),
            until,
        };
    }

    /// The selections whose offers are to be forgotten by now.
    pub(crate) fn overdue(&self, now: Instant) -> impl Iterator<Item = Selection> {
        Selection::ALL.into_iter().filter(move |selection| {
            self.offers
                .get(*selection)
                .until
                .is_some_and(|until| until <= now)
        })
    }

    /// When the next offer is to be forgotten.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        Selection::ALL
            .into_iter()
            .filter_map(|selection| self.offers.get(selection).until)
            .min()
    }

    /// How many offers have content.
    pub(crate) fn contents(&self) -> usize {
        let by_host = |selection: &Selection| self.offers.get(*selection).is_by_host();
        Selection::ALL.into_iter().filter(by_host).count()
    }
}
