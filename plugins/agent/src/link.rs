//! The wire to the agent as a state machine. The agent answers one command at a
//! time and knows no clients: whose reply comes next, and whether one comes at
//! all, is decided here.
//!
//! Before the first command, and after anything that went wrong, both sides are
//! brought to the same place by `guest-sync-delimited` with a random number: what
//! came before its reply is of another time, and dropped. Pure: it is told the
//! time and random numbers, and returns the bytes to send.

use std::mem;
use std::time::Duration;

use crate::command::Command;
use crate::reply::{Id, Outcome, Reply};
use crate::scan::DELIMITER;

/// Until a sync is tried again the first time; then twice as long each time, up
/// to [`SYNC_LONGEST`]. libvirt gives an agent five seconds as well.
pub(crate) const SYNC_FIRST: Duration = Duration::from_secs(5);

/// Bounds how much an agent that hangs finds in its queue when it goes on: it
/// answers the last try too, so nobody waits for the next one.
pub(crate) const SYNC_LONGEST: Duration = Duration::from_secs(60);

/// Numbers of a sync are below this, so that they are whole in any JSON parser.
const NONCE_BELOW: u64 = 1 << 53;

/// The wire.
#[derive(Debug)]
pub(crate) struct Link {
    state: State,
    /// Whether the agent repeats our ids: those of the last twelve years do.
    repeats_ids: bool,
    next_sync: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has the guest's port open.
    Absent,
    /// The last sync is not answered.
    Syncing(Syncing),
    /// Both sides are at the same place, and nothing was asked.
    Idle,
    /// A command is not answered.
    Busy(Busy),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Syncing {
    nonce: u64,
    since: Duration,
    until: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Busy {
    ticket: u64,
    since: Duration,
    until: Duration,
    /// The number of a sync that follows a command whose success nothing tells.
    fence: Option<u64>,
}

/// What an object from the agent was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The reply to our sync; commands may be sent. How long it took.
    Synced(Duration),
    /// The reply to the command that was sent. How long it took.
    Answer(Duration),
    /// The command that is not answered where it succeeds was done.
    Silence(Duration),
    /// Nothing that was asked for: to be dropped.
    Unasked,
}

/// What has become due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// Whether the command that was sent is late, and given up.
    pub(crate) gave_up: bool,
    /// Whether a sync is.
    pub(crate) sync_late: bool,
    /// Bytes of a new sync for the agent, where there is to be one.
    pub(crate) sync: Vec<u8>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            state: State::Absent,
            repeats_ids: false,
            next_sync: SYNC_FIRST,
        }
    }
}

impl Link {
    /// Whether something has the guest's port open.
    pub(crate) fn is_open(&self) -> bool {
        self.state != State::Absent
    }

    /// Whether a command may be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        match self.state {
            State::Absent | State::Idle => None,
            State::Syncing(syncing) => Some(syncing.until),
            State::Busy(busy) => Some(busy.until),
        }
    }

    /// The guest's agent opened the port. Returns the bytes of a sync.
    pub(crate) fn open(&mut self, now: Duration, random: u64) -> Vec<u8> {
        self.next_sync = SYNC_FIRST;
        self.sync(now, random)
    }

    /// The guest's agent closed the port: what was asked is not answered.
    pub(crate) fn close(&mut self) {
        self.state = State::Absent;
    }

    /// Begins a sync, where nothing else is going on. Returns its bytes.
    pub(crate) fn sync(&mut self, now: Duration, random: u64) -> Vec<u8> {
        let nonce = nonce(random);
        self.state = State::Syncing(Syncing {
            nonce,
            since: now,
            until: now.saturating_add(self.next_sync),
        });
        let doubled = self.next_sync.saturating_mul(2);
        self.next_sync = doubled.min(SYNC_LONGEST);
        // Whatever the agent has read of a command that was cut off ends here.
        let mut bytes = vec![DELIMITER];
        bytes.extend(sync_command(nonce));
        bytes
    }

    /// A command with this number is sent, which only one who found it
    /// [idle](Self::is_idle) does. Returns the bytes of a sync to go behind it,
    /// where the agent does not answer it on success: then the reply to that
    /// tells that it was done.
    pub(crate) fn send(
        &mut self,
        ticket: u64,
        is_silent: bool,
        (now, time): (Duration, Duration),
        random: u64,
    ) -> Vec<u8> {
        let fence = is_silent.then(|| nonce(random));
        self.state = State::Busy(Busy {
            ticket,
            since: now,
            until: now.saturating_add(time),
            fence,
        });
        fence.map(sync_command).unwrap_or_default()
    }

    /// Has the command that was sent take no longer than until then.
    pub(crate) fn hurry(&mut self, until: Duration) {
        if let State::Busy(busy) = &mut self.state {
            busy.until = busy.until.min(until);
        }
    }

    /// An object came from the agent; `delimited` says whether 0xFF stood before
    /// it.
    pub(crate) fn hear(&mut self, reply: &Reply<'_>, delimited: bool, now: Duration) -> Heard {
        match self.state {
            State::Syncing(syncing) if delimited && returns(reply, syncing.nonce) => {
                self.repeats_ids = reply.id == Some(Id::Number(syncing.nonce));
                self.next_sync = SYNC_FIRST;
                self.state = State::Idle;
                Heard::Synced(now.saturating_sub(syncing.since))
            }
            State::Busy(busy) => {
                let took = now.saturating_sub(busy.since);
                let is_fence = |nonce| delimited && returns(reply, nonce);
                if busy.fence.is_some_and(is_fence) {
                    self.state = State::Idle;
                    return Heard::Silence(took);
                }
                let is_ours = match reply.id {
                    Some(id) => id == Id::Number(busy.ticket),
                    None => !self.repeats_ids,
                };
                if !is_ours || delimited {
                    return Heard::Unasked;
                }
                self.state = match busy.fence {
                    None => State::Idle,
                    Some(nonce) => State::Syncing(Syncing {
                        nonce,
                        since: now,
                        until: now.saturating_add(self.next_sync),
                    }),
                };
                Heard::Answer(took)
            }
            State::Absent | State::Syncing(_) | State::Idle => Heard::Unasked,
        }
    }

    /// Gives up what has taken too long. A new sync is begun where `clear` says
    /// that the agent has taken all bytes of what was sent before: to one that
    /// reads nothing, nothing more is sent.
    pub(crate) fn tick(&mut self, now: Duration, clear: bool, random: u64) -> Due {
        let mut due = Due {
            gave_up: false,
            sync_late: false,
            sync: Vec::new(),
        };
        if self.next_due().is_none_or(|until| until > now) {
            return due;
        }
        let was = mem::replace(&mut self.state, State::Idle);
        due.gave_up = matches!(was, State::Busy(_));
        due.sync_late = matches!(was, State::Syncing(_));
        if clear {
            due.sync = self.sync(now, random);
        } else {
            // No number of a sync is this: none is answered until one is sent.
            self.state = State::Syncing(Syncing {
                nonce: NONCE_BELOW,
                since: now,
                until: now.saturating_add(SYNC_FIRST),
            });
        }
        due
    }
}

fn nonce(random: u64) -> u64 {
    random.checked_rem(NONCE_BELOW).unwrap_or_default()
}

fn sync_command(nonce: u64) -> Vec<u8> {
    Command::plain("guest-sync-delimited")
        .with("id", nonce)
        .encode(nonce)
}

fn returns(reply: &Reply<'_>, nonce: u64) -> bool {
    matches!(reply.outcome, Outcome::Returned(text) if text.parse() == Ok(nonce))
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
