//! What the guest's agent and we have agreed on: which form messages have, and
//! which grab is the latest.

use crate::capabilities::{Capabilities, Capability, Form};
use crate::kinds::{PerSelection, Selection};
use crate::message::OurMessage;

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// No agent is there.
    #[default]
    Away,
    /// It was asked what it can do.
    Asked,
    /// It has answered.
    Agreed(Capabilities),
}

/// What an agent's announcement leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Announced {
    /// What is to be answered.
    pub answer: Option<OurMessage>,
    /// Whether from now on there is an agent to share a clipboard with.
    pub agreed: bool,
}

/// What a grab of the agent's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grab {
    /// The latest: the guest has the selection.
    Latest,
    /// It crossed one of ours, which wins.
    Crossed,
    /// Its number is of no grab that there could be, or it comes before
    /// anything was agreed on.
    Forged,
}

/// The agreement with one agent.
///
/// When the agent's program opens the port, it and we ask each other what we can
/// do. Its answer to ours is the agreement: an agent that has known another of us
/// forgets it then, and counts its grabs from zero again.
#[derive(Debug, Clone, Default)]
pub struct Negotiation {
    stage: Stage,
    /// The number of each selection's next grab, whoever makes it.
    serials: PerSelection<u32>,
}

impl Negotiation {
    /// The agent's program opened the port: what is to be said.
    pub fn open(&mut self) -> OurMessage {
        self.stage = Stage::Asked;
        OurMessage::Announce { wants_theirs: true }
    }

    /// It is gone.
    pub fn close(&mut self) {
        self.stage = Stage::Away;
    }

    /// The agent says what it can do.
    pub fn announced(&mut self, wants_ours: bool, theirs: Capabilities) -> Announced {
        let answer = wants_ours.then_some(OurMessage::Announce {
            wants_theirs: false,
        });
        match self.stage {
            // A question of its own crosses ours; its answer follows.
            Stage::Asked if !wants_ours => {
                self.serials = PerSelection::default();
                self.stage = Stage::Agreed(theirs);
                Announced {
                    answer,
                    agreed: true,
                }
            }
            Stage::Away | Stage::Asked | Stage::Agreed(_) => Announced {
                answer,
                agreed: false,
            },
        }
    }

    /// Whether there is an agent whose clipboard can be shared: one that gives
    /// content when it is asked for.
    pub fn is_agreed(&self) -> bool {
        self.can(Capability::ByDemand)
    }

    /// Whether the agent can do this.
    pub fn can(&self, capability: Capability) -> bool {
        matches!(self.stage, Stage::Agreed(theirs) if theirs.has(capability))
    }

    /// The form that messages have.
    pub fn form(&self) -> Form {
        match self.stage {
            Stage::Agreed(theirs) => Form::common_with(theirs),
            Stage::Away | Stage::Asked => Form::default(),
        }
    }

    /// Whether messages can be about this selection.
    pub fn has_selection(&self, selection: Selection) -> bool {
        self.is_agreed() && (self.form().selection || selection == Selection::Clipboard)
    }

    /// The agent grabs a selection.
    pub fn grabbed(&mut self, selection: Selection, serial: Option<u32>) -> Grab {
        if !self.has_selection(selection) {
            return Grab::Forged;
        }
        let Some(serial) = serial else {
            return Grab::Latest;
        };
        let next = self.serials.get_mut(selection);
        if serial == *next {
            *next = next.wrapping_add(1);
            Grab::Latest
        } else if serial.wrapping_add(1) == *next {
            Grab::Crossed
        } else {
            Grab::Forged
        }
    }

    /// The number of a grab of ours.
    pub fn grab(&mut self, selection: Selection) -> u32 {
        let next = self.serials.get_mut(selection);
        let serial = *next;
        *next = next.wrapping_add(1);
        serial
    }
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
