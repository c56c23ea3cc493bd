//! What a client asks for: one line of JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::kinds::{ContentType, Selection};

/// The longest line that is read, in bytes: 64 KiB of base64 are 48 KiB of
/// content, and there is room for the rest.
pub const MAX_LINE_BYTES: usize = 80 << 10;

/// A line's words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words<'a> {
    #[serde(rename = "do", borrow)]
    verb: Cow<'a, str>,
    #[serde(default)]
    id: Option<u64>,
    #[serde(default, borrow)]
    selection: Cow<'a, str>,
    #[serde(rename = "type", default, borrow)]
    kind: Cow<'a, str>,
    // Borrowed: content is not copied to be decoded.
    #[serde(default, borrow)]
    data: Cow<'a, str>,
    #[serde(default)]
    more: bool,
    #[serde(default)]
    ask: Option<u64>,
    #[serde(default)]
    allow: Option<bool>,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To offer content to the guest.
    Put {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentType,
        /// Its first bytes.
        part: ContentPart,
    },
    /// To go on with that.
    Data(ContentPart),
    /// To have what the guest offers.
    Get {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentType,
    },
    /// To be told what changes.
    Watch,
    /// To be asked.
    Decide,
    /// The answer to a question.
    Answer {
        /// Its number.
        ask: u64,
        /// Yes, or no.
        allow: bool,
    },
    /// That nothing is offered any more.
    Clear {
        /// Where.
        selection: Selection,
    },
}

/// A part of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentPart {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether another follows.
    pub more: bool,
}

/// A line that is no request. The client's fault; the words are for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine(pub String);

/// Reads a line. Has what the client calls its request with, if it does.
///
/// # Errors
///
/// What is wrong with the line, in words for the client.
pub fn parse(line: &[u8]) -> Result<(Option<u64>, Request), BadLine> {
    let words: Words<'_> = serde_json::from_slice(line)
        .map_err(|error| BadLine(format!("not a request in JSON: {error}")))?;
    let request = match &*words.verb {
        "put" => Request::Put {
            selection: selection(&words)?,
            kind: kind(&words)?,
            part: part(&words)?,
        },
        "data" => Request::Data(part(&words)?),
        "get" => Request::Get {
            selection: selection(&words)?,
            kind: kind(&words)?,
        },
        "watch" => Request::Watch,
        "decide" => Request::Decide,
        "answer" => Request::Answer {
            ask: words.ask.ok_or_else(|| missing("ask"))?,
            allow: words.allow.ok_or_else(|| missing("allow"))?,
        },
        "clear" => Request::Clear {
            selection: selection(&words)?,
        },
        verb => {
            return Err(BadLine(format!(
                "`do` is `{}`: it can be `put`, `data`, `get`, `watch`, `decide`, `answer` or `clear`",
                shown(verb)
            )));
        }
    };
    Ok((words.id, request))
}

fn missing(key: &str) -> BadLine {
    BadLine(format!("an answer needs `{key}`"))
}

fn selection(words: &Words<'_>) -> Result<Selection, BadLine> {
    match &*words.selection {
        "" => Ok(Selection::Clipboard),
        name => Selection::from_name(name).ok_or_else(|| {
            BadLine(format!(
                "`selection` is `{}`: it can be `{}`",
                shown(name),
                Selection::ALL.map(Selection::name).join("`, `")
            ))
        }),
    }
}

fn kind(words: &Words<'_>) -> Result<ContentType, BadLine> {
    match &*words.kind {
        "" => Ok(ContentType::Text),
        name => ContentType::from_mime(name).ok_or_else(|| {
            BadLine(format!(
                "`type` is `{}`: it can be `{}`",
                shown(name),
                ContentType::ALL.map(ContentType::mime).join("`, `")
            ))
        }),
    }
}

fn part(words: &Words<'_>) -> Result<ContentPart, BadLine> {
    let bytes = STANDARD
        .decode(words.data.as_bytes())
        .map_err(|error| BadLine(format!("`data` is not base64: {error}")))?;
    Ok(ContentPart {
        bytes,
        more: words.more,
    })
}

/// The beginning of a word that a client wrote, to be shown to it.
fn shown(word: &str) -> String {
    const MOST: usize = 40;
    word.chars().take(MOST).collect()
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
