//! One command on its way, from who asks to the agent and back.

use std::time::Duration;

use crate::answer::Answer;
use crate::audit::{self, Who};
use crate::command::Command;
use crate::figures::Figure;
use crate::queue::Lane;
use crate::reply::Class;
use crate::rights::{Handle, Meaning};

/// What stands in a queue.
#[derive(Debug)]
pub(crate) enum Job {
    /// A command for the agent.
    Ask(Ask),
    /// What its client is told without the agent, when it is its turn.
    Tell(Answer),
}

/// A command that the policy has let through.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Its number in all that is said to the agent.
    pub(crate) ticket: u64,
    /// Which command.
    pub(crate) name: String,
    /// The bytes for the agent.
    pub(crate) bytes: Vec<u8>,
    /// What is done with its reply.
    pub(crate) meaning: Meaning,
    /// Who asks.
    pub(crate) asker: Asker,
    /// The beginning of its line in the audit.
    pub(crate) told: String,
    /// When it was asked.
    pub(crate) since: Duration,
}

/// Who asks, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A client.
    Client {
        /// Its channel's number.
        channel: u64,
        /// What its reply is to bear.
        id: Option<String>,
    },
    /// This plugin.
    Own(Task),
}

/// What this plugin asks by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// What the agent is.
    Info,
    /// A figure for the metrics.
    Figure(Figure),
    /// To lock the guest's sessions.
    Lock,
    /// How the program that locks them ended.
    LockStatus,
    /// To go down, since the host does.
    Stop,
    /// To close what a client left open.
    Close,
}

impl Ask {
    /// A command with a number of its own.
    pub(crate) fn new(
        ticket: u64,
        command: &Command,
        meaning: Meaning,
        (asker, who): (Asker, &Who),
        since: Duration,
    ) -> Self {
        // A client's sync is between it and us: the agent is asked whether it is
        // there, under a number of ours.
        let bytes = match meaning {
            Meaning::Sync { .. } => Command::plain("guest-sync")
                .with("id", ticket)
                .encode(ticket),
            _ => command.encode(ticket),
        };
        Self {
            ticket,
            name: command.name.clone(),
            bytes,
            meaning,
            asker,
            told: audit::asked(who, command),
            since,
        }
    }

    /// Where it waits.
    pub(crate) fn lane(&self) -> Lane {
        match &self.asker {
            Asker::Client { channel, .. } => Lane::Client(*channel),
            Asker::Own(_) => Lane::Own,
        }
    }

    /// What its client is told where the agent's answer does not come.
    pub(crate) fn refuse(&self, desc: &str) -> Answer {
        let id = match &self.asker {
            Asker::Client { id, .. } => id.as_deref(),
            Asker::Own(_) => None,
        };
        Answer::error(Class::GenericError, desc, id).delimited(self.meaning.delimits())
    }

    /// Bytes that it takes while it waits.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len().saturating_add(self.told.len())
    }

    /// Whether it is asked for a client.
    pub(crate) fn is_of_client(&self) -> bool {
        matches!(self.asker, Asker::Client { .. })
    }

    /// Whether it is so ordinary that only a close look at the log shows it.
    pub(crate) fn is_routine(&self) -> bool {
        matches!(
            self.asker,
            Asker::Own(Task::Info | Task::Figure(_) | Task::LockStatus)
        )
    }
}

/// The command that closes a file.
pub(crate) fn close(handle: Handle) -> Option<Command> {
    match handle {
        Handle::File(number) => Some(Command::plain("guest-file-close").with("handle", number)),
        // A program that was run goes on.
        Handle::Process(_) => None,
    }
}
