//! What the agent answers: one object, looked at and not taken apart. A guest
//! may answer with anything; what is used of it is said here.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::command::present;

/// A reply.
#[derive(Debug)]
pub struct Reply<'a> {
    /// Our number of the command, where the agent repeats it.
    pub id: Option<Id>,
    /// How the command went.
    pub outcome: Outcome<'a>,
}

/// The `id` of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id {
    /// A number as ours are.
    Number(u64),
    /// Something that we never send.
    Other,
}

/// How a command went.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// Well: any JSON, as the agent wrote it.
    Returned(&'a str),
    /// Not well.
    Failed(Failure<'a>),
}

/// An error of the agent's.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// Its kind.
    pub class: Class,
    /// The whole object, as the agent wrote it.
    pub text: &'a str,
    /// What happened, for people: text as JSON.
    desc: &'a str,
}

/// The kinds of errors that the protocol knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Most.
    GenericError,
    /// The agent has no such command, or it was switched off.
    CommandNotFound,
    /// A kind from a time after ours, or before.
    Other,
}

impl Class {
    /// Its name in the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GenericError => "GenericError",
            Self::CommandNotFound => "CommandNotFound",
            Self::Other => "other",
        }
    }
}

/// Bytes of an error's words that are worth repeating in a log.
const MAX_REPEATED_BYTES: usize = 512;

impl Failure<'_> {
    /// What happened, for people: cut, and not yet made harmless.
    pub fn desc(&self) -> String {
        let whole = (self.desc.len() <= MAX_REPEATED_BYTES)
            .then(|| serde_json::from_str(self.desc).ok())
            .flatten();
        whole.unwrap_or_else(|| format!("an error of {} bytes", self.desc.len()))
    }
}

#[derive(Deserialize)]
struct Received<'a> {
    #[serde(default, borrow, rename = "return", deserialize_with = "present")]
    returned: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    error: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    id: Option<&'a RawValue>,
}

/// Parts of an error as they stand there: a guest may make them long.
#[derive(Deserialize)]
struct ReceivedError<'a> {
    #[serde(borrow)]
    class: &'a RawValue,
    #[serde(borrow)]
    desc: &'a RawValue,
}

impl<'a> Reply<'a> {
    /// Reads one; nothing where the bytes are none.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let received: Received<'_> = serde_json::from_slice(bytes).ok()?;
        let outcome = match (received.returned, received.error) {
            (Some(returned), None) => Outcome::Returned(returned.get()),
            (None, Some(error)) => Outcome::Failed(Failure::parse(error.get())?),
            _ => return None,
        };
        let id = received
            .id
            .map(|id| id.get().parse().map_or(Id::Other, Id::Number));
        Some(Self { id, outcome })
    }
}

impl<'a> Failure<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let ReceivedError { class, desc } = serde_json::from_str(text).ok()?;
        let is_text = |value: &RawValue| value.get().starts_with('"');
        let class = match class.get() {
            "\"GenericError\"" => Class::GenericError,
            "\"CommandNotFound\"" => Class::CommandNotFound,
            _ if is_text(class) => Class::Other,
            _ => return None,
        };
        is_text(desc).then_some(Self {
            class,
            text,
            desc: desc.get(),
        })
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
