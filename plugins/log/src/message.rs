//! What a message says, in parts: as much as its format tells of itself.

use std::collections::BTreeMap;

use serde::Serialize;

/// The names of severities (RFC 5424, table 2), by number, as syslog.conf has them.
pub(crate) const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

/// Structured data (RFC 5424, section 6.3): values by element and name. A name may
/// have several.
pub(crate) type Data = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// A message in parts. What it does not tell is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) facility: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) severity: Option<&'static str>,
    /// When it was sent, as the sender wrote it: not every format has a year or a
    /// time zone, and none is guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) program: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) data: Data,
    /// The words.
    pub(crate) message: &'a str,
}

/// A message's words behind the program that says them: `program[pid]: words`,
/// without the brackets or without all of it.
pub(crate) fn tagged(text: &str) -> Message<'_> {
    tag(text).unwrap_or(Message {
        message: text,
        ..Message::default()
    })
}

/// What [`tagged`] finds, where there is a program.
pub(crate) fn tag(text: &str) -> Option<Message<'_>> {
    let end = text.find([' ', ':', '['])?;
    let (program, rest) = text.split_at_checked(end)?;
    let (pid, rest) = match rest.strip_prefix('[') {
        Some(inside) => {
            let (pid, rest) = inside.split_once(']')?;
            (Some(pid), rest)
        }
        None => (None, rest),
    };
    let words = rest.strip_prefix(':')?;
    // A colon within a word is an address's, or a time's.
    let words = words.strip_prefix(' ').or(words.is_empty().then_some(""))?;
    (!program.is_empty()).then_some(Message {
        program: Some(program),
        pid,
        message: words,
        ..Message::default()
    })
}
