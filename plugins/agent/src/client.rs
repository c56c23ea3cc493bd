//! One host program: who it is, what it may ask, and what is on its way from and
//! to it.

use std::time::Duration;

use portunus_plugin_sdk::{Channel, Client as Peer, SendError};

use crate::answer::{Answer, Answers};
use crate::audit::Who;
use crate::rights::Rights;
use crate::scan::Scanner;
use crate::spec::Spec;

/// How long a client may take nothing of what it is to have: then it is let go,
/// with what is kept for it.
pub(crate) const STALL: Duration = Duration::from_secs(30);

/// A host program.
#[derive(Debug)]
pub(crate) struct Client {
    /// Who it is.
    pub(crate) who: Who,
    /// The name of its kind, where others speak of it.
    pub(crate) class: Option<String>,
    /// What it may ask.
    pub(crate) rights: Rights,
    /// What it says.
    pub(crate) input: Scanner,
    /// What it is told.
    pub(crate) answers: Answers,
    /// Whether it says no more.
    pub(crate) ended: bool,
    /// Whether it is not listened to for now.
    pub(crate) paused: bool,
    /// When it last took something.
    moved: Duration,
}

impl Client {
    /// A program that has just connected; nothing where no kind fits it.
    pub(crate) fn new(channel: Channel, peer: Peer, spec: &Spec) -> Option<Self> {
        let kind = spec.kind_of(peer.uid, peer.gid)?;
        let who = Who::Client {
            channel: channel.id(),
            pid: peer.pid,
            uid: peer.uid,
            gid: peer.gid,
            class: kind.class.clone(),
        };
        Some(Self {
            who,
            class: kind.class.clone(),
            rights: kind.rights.clone(),
            input: Scanner::new(spec.max_command_bytes),
            answers: Answers::default(),
            ended: false,
            paused: false,
            moved: Duration::ZERO,
        })
    }

    /// Adds something that it is told.
    pub(crate) fn tell(&mut self, answer: Answer, now: Duration) {
        if self.answers.is_empty() {
            self.moved = now;
        }
        self.answers.push(answer);
    }

    /// Sends what waits, as far as it is taken.
    ///
    /// # Errors
    ///
    /// As [`Channel::send`].
    pub(crate) fn flush(&mut self, channel: Channel, now: Duration) -> Result<(), SendError> {
        if self.answers.flush(|bytes| channel.send(bytes))? > 0 {
            self.moved = now;
        }
        Ok(())
    }

    /// When it has stalled, unless it takes something before.
    pub(crate) fn stalls_at(&self) -> Option<Duration> {
        (!self.answers.is_empty()).then(|| self.moved.saturating_add(STALL))
    }
}
