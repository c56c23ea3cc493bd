//! What a client asks: one object as bytes, and back.
//!
//! A command is never passed on as it was written. It is read, and what was read
//! is written anew: what the policy has looked at is what the agent gets, also
//! where two parsers would read the same bytes differently (a key twice, say).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A command of the guest agent's protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Which one: anything at all, where a client wrote it.
    pub name: String,
    /// Its arguments, by name.
    pub arguments: Map<String, Value>,
}

/// A command, and the words that its reply shall bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The command.
    pub command: Command,
    /// The client's `id`, any JSON, as it wrote it.
    pub id: Option<String>,
}

/// Bytes of an `id`. It is kept for as long as its command waits, and is no place
/// for anything long.
const MAX_ID_BYTES: usize = 1024;

/// Characters of a fault in an object that are repeated: it may have a client's
/// own words.
const MAX_REPEATED: usize = 200;

/// Why an object is no command.
#[derive(Debug)]
pub enum NoCommand {
    /// It is no JSON, or has other parts.
    Unread(serde_json::Error),
    /// Its `id` is longer than anybody needs.
    LongId,
}

impl fmt::Display for NoCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(error) => {
                let words: String = error.to_string().chars().take(MAX_REPEATED).collect();
                write!(f, "no command: {words}")
            }
            Self::LongId => write!(f, "no command: its id has more than {MAX_ID_BYTES} bytes"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Received<'a> {
    execute: String,
    #[serde(default)]
    arguments: Map<String, Value>,
    #[serde(default, borrow, deserialize_with = "present")]
    id: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Sent<'a> {
    execute: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    arguments: &'a Map<String, Value>,
    id: u64,
}

/// A value that is there, be it `null`.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl Request {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// The bytes are not JSON, or not a command; the error repeats nothing long.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoCommand> {
        let received: Received<'_> = serde_json::from_slice(bytes).map_err(NoCommand::Unread)?;
        if received.id.is_some_and(|id| id.get().len() > MAX_ID_BYTES) {
            return Err(NoCommand::LongId);
        }
        Ok(Self {
            command: Command {
                name: received.execute,
                arguments: received.arguments,
            },
            id: received.id.map(|id| id.get().to_owned()),
        })
    }
}

impl Command {
    /// A command without arguments.
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arguments: Map::new(),
        }
    }

    /// The same with one argument more.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.arguments.insert(key.to_owned(), value.into());
        self
    }

    /// The argument of this name, where it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.arguments.get(key)?.as_str()
    }

    /// The argument of this name, where it is a whole number.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.arguments.get(key)?.as_i64()
    }

    /// The command as the agent gets it, with an id of ours.
    pub fn encode(&self, id: u64) -> Vec<u8> {
        let sent = Sent {
            execute: &self.name,
            arguments: &self.arguments,
            id,
        };
        // Nothing in it fails to be written.
        let mut bytes = serde_json::to_vec(&sent).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
