//! One line for each command: who asked for what, how it ended, and how long it
//! took.
//!
//! What a command was given is told only where it says what is done and is no
//! secret: paths, modes, numbers of handles, names of users. Never told are the
//! arguments, the environment and the input of a program (their number is),
//! what is written to files or read from them, passwords and keys.

use std::fmt::{self, Write};
use std::time::Duration;

use serde_json::Value;

use crate::command::Command;
use crate::reply::Class;
use crate::rights::Refusal;

/// Bytes of a word of a client's that are told: enough to know it by, and few
/// enough that a line is never cut.
const MAX_WORD_BYTES: usize = 256;

/// Arguments whose values are told.
const TOLD: [&str; 7] = [
    "path", "mode", "handle", "count", "pid", "username", "offset",
];

/// Arguments of which it is told how many there are, and as what.
const COUNTED: [(&str, &str); 3] = [("arg", "args"), ("env", "envs"), ("keys", "keys")];

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// This plugin itself.
    Own,
    /// A client.
    Client {
        /// Its channel's number.
        channel: u64,
        /// Its process.
        pid: u32,
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its class, if it has one.
        class: Option<String>,
    },
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The agent did it.
    Done,
    /// The agent answered with an error.
    Failed(Class),
    /// It was not passed on.
    Refused(Refusal),
    /// The agent did not answer in time.
    Late,
    /// The agent was not there, or went before it answered.
    Gone,
    /// It was not its turn in time.
    Busy,
    /// The reply could not be passed on.
    Unfit,
    /// The client went before the answer came.
    Left,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Failed(class) => write!(f, "failed:{}", class.name()),
            Self::Refused(refusal) => write!(f, "refused:{}", refusal.word()),
            Self::Late => f.write_str("late"),
            Self::Gone => f.write_str("gone"),
            Self::Busy => f.write_str("busy"),
            Self::Unfit => f.write_str("unfit"),
            Self::Left => f.write_str("left"),
        }
    }
}

/// The line for a command that ended.
pub(crate) fn line(asked: &str, end: End, took: Duration) -> String {
    format!("{asked} result={end} ms={}", took.as_millis())
}

/// The line's beginning, of as much of a command as is told.
pub(crate) fn asked(who: &Who, command: &Command) -> String {
    let mut line = String::from("audit");
    // Writing to a string never fails.
    let _ = match who {
        Who::Own => write!(line, " by=portunus"),
        Who::Client {
            channel,
            pid,
            uid,
            gid,
            class,
        } => {
            let _ = write!(line, " uid={uid} gid={gid} pid={pid} channel={channel}");
            match class {
                Some(class) => write!(line, " class={}", Word(class)),
                None => Ok(()),
            }
        }
    };
    let _ = write!(line, " command={}", Word(&command.name));
    for key in TOLD {
        let _ = match command.arguments.get(key) {
            Some(Value::String(text)) => write!(line, " {key}={}", Word(text)),
            Some(Value::Number(number)) => write!(line, " {key}={number}"),
            _ => Ok(()),
        };
    }
    for (key, name) in COUNTED {
        if let Some(Value::Array(list)) = command.arguments.get(key) {
            let _ = write!(line, " {name}={}", list.len());
        }
    }
    line
}

/// A word of someone else's: in quotes where it is not plain, escaped and cut.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        let end = self.0.floor_char_boundary(MAX_WORD_BYTES);
        let (told, rest) = self.0.split_at_checked(end).unwrap_or_default();
        if !told.is_empty() && told.chars().all(is_plain) {
            f.write_str(told)?;
        } else {
            f.write_char('"')?;
            for letter in told.chars() {
                match letter {
                    '"' | '\\' => write!(f, "{}", letter.escape_default())?,
                    ' '..='~' => f.write_char(letter)?,
                    _ => write!(f, "{}", letter.escape_unicode())?,
                }
            }
            f.write_char('"')?;
        }
        match rest.len() {
            0 => Ok(()),
            more => write!(f, "+{more}"),
        }
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
