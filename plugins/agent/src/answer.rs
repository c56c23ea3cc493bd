//! What a client is told: replies on their way to it, in order. A large one is
//! kept in the buffer that it came in.

use std::collections::VecDeque;
use std::ops::Range;

use serde::Serialize;

use crate::reply::{Class, Outcome};
use crate::scan::{DELIMITER, Frame, LARGE_FROM};

/// A reply as bytes, in parts.
#[derive(Debug)]
pub(crate) struct Answer {
    head: Vec<u8>,
    /// A part of an agent's reply, and where in it.
    middle: Option<(Frame, Range<usize>)>,
    tail: Vec<u8>,
}

impl Answer {
    /// These bytes and no more.
    pub(crate) fn raw(bytes: &[u8]) -> Self {
        Self {
            head: bytes.to_vec(),
            middle: None,
            tail: Vec::new(),
        }
    }

    /// A command that went well, with what it returns, as JSON.
    pub(crate) fn returned(json: &str, id: Option<&str>) -> Self {
        Self::whole("return", json, id)
    }

    /// The reply to `guest-sync`, or to `guest-sync-delimited`.
    pub(crate) fn synced(number: i64, delimited: bool, id: Option<&str>) -> Self {
        Self::returned(&number.to_string(), id).delimited(delimited)
    }

    /// The same with 0xFF before it, where that is meant.
    pub(crate) fn delimited(mut self, is_meant: bool) -> Self {
        if is_meant {
            self.head.insert(0, DELIMITER);
        }
        self
    }

    /// An error of our own, in the protocol's form.
    pub(crate) fn error(class: Class, desc: &str, id: Option<&str>) -> Self {
        #[derive(Serialize)]
        struct Error<'a> {
            class: &'a str,
            desc: &'a str,
        }
        let class = class.name();
        let json = serde_json::to_string(&Error { class, desc }).unwrap_or_default();
        Self::whole("error", &json, id)
    }

    /// What the agent said, as it said it, under the client's id. `outcome` is
    /// of the reply in `frame`, whose buffer goes on being used if it is a large
    /// one.
    pub(crate) fn passed_on(frame: Frame, outcome: Span, id: Option<&str>) -> Self {
        if frame.len() <= LARGE_FROM {
            return Self::whole(outcome.key, outcome.text(&frame), id);
        }
        let Span { key, range } = outcome;
        Self {
            head: format!("{{\"{key}\": ").into(),
            middle: Some((frame, range)),
            tail: end(id).into(),
        }
    }

    fn whole(key: &str, json: &str, id: Option<&str>) -> Self {
        Self {
            head: format!("{{\"{key}\": {json}{}", end(id)).into(),
            middle: None,
            tail: Vec::new(),
        }
    }

    /// Its bytes, in order.
    fn parts(&self) -> [&[u8]; 3] {
        let middle = self.middle.as_ref();
        let middle = middle.and_then(|(frame, range)| frame.get(range.clone()));
        [&self.head, middle.unwrap_or_default(), &self.tail]
    }
}

/// Where in a reply's bytes its outcome is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    key: &'static str,
    range: Range<usize>,
}

impl Span {
    /// The place of a reply's outcome in the bytes that it was read from.
    pub(crate) fn of(outcome: Outcome<'_>, bytes: &[u8]) -> Self {
        let (key, text) = match outcome {
            Outcome::Returned(text) => ("return", text),
            Outcome::Failed(failure) => ("error", failure.text),
        };
        let start = text.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
        let range = start..start.saturating_add(text.len());
        Self { key, range }
    }

    /// What stands there, as JSON.
    pub(crate) fn text<'a>(&self, bytes: &'a [u8]) -> &'a str {
        let text = bytes.get(self.range.clone()).unwrap_or_default();
        // It was text when its place was found.
        str::from_utf8(text).unwrap_or_default()
    }
}

/// How a reply ends: with the client's id where it gave one.
fn end(id: Option<&str>) -> String {
    match id {
        Some(id) => format!(", \"id\": {id}}}\n"),
        None => "}\n".to_owned(),
    }
}

/// Answers that a client has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    waiting: VecDeque<Answer>,
    /// Bytes of the first that it has taken.
    taken: usize,
}

impl Answers {
    /// Adds one to the end.
    pub(crate) fn push(&mut self, answer: Answer) {
        self.waiting.push_back(answer);
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives the bytes to `send`, which answers how many it took, until it takes
    /// fewer than it is given. Answers how many it took.
    ///
    /// # Errors
    ///
    /// What `send` fails with.
    pub(crate) fn flush<E>(
        &mut self,
        mut send: impl FnMut(&[u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let mut total = 0_usize;
        while let Some(first) = self.waiting.front() {
            let mut before = 0_usize;
            for part in first.parts() {
                let from = self.taken.saturating_sub(before);
                before = before.saturating_add(part.len());
                let Some(rest) = part.get(from..).filter(|rest| !rest.is_empty()) else {
                    continue;
                };
                let sent = send(rest)?.min(rest.len());
                self.taken = self.taken.saturating_add(sent);
                total = total.saturating_add(sent);
                if sent < rest.len() {
                    return Ok(total);
                }
            }
            self.waiting.pop_front();
            self.taken = 0;
        }
        Ok(total)
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
