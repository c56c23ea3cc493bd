//! A client of the clipboard plugin (`docs/CLIPBOARD.md`): gets, puts, watches,
//! clears and decides, by JSON lines over the port's socket.
//!
//! Owns the words of the protocol's client side. Leaves standard input and output
//! to its caller.

mod connection;
mod word;

use std::io::{self, Read, Write};
use std::path::Path;

use connection::Connection;
use serde_json::{Value, json};

pub use connection::ClipError;
pub use word::{Place, Question};

/// Bytes of content in one line: 64 KiB of base64.
const PART_BYTES: usize = 48 << 10;

/// A connection to the plugin.
#[derive(Debug)]
pub struct Clipboard {
    connection: Connection,
}

impl Clipboard {
    /// Connects to the port's socket.
    ///
    /// # Errors
    ///
    /// Where nobody listens there, or this user may not connect.
    pub fn connect(socket: &Path) -> Result<Self, ClipError> {
        let connection = Connection::open(socket)?;
        Ok(Self { connection })
    }

    /// Writes what the guest offers.
    ///
    /// # Errors
    ///
    /// What the plugin says, or why it could not be asked.
    pub fn get(&mut self, place: &Place, out: &mut dyn Write) -> Result<(), ClipError> {
        self.connection.say(&place.request("get"))?;
        loop {
            let part = self.connection.answer()?;
            let bytes = part.content()?;
            out.write_all(&bytes).map_err(ClipError::Output)?;
            if !part.more {
                return out.flush().map_err(ClipError::Output);
            }
        }
    }

    /// Offers to the guest what can be read.
    ///
    /// # Errors
    ///
    /// What the plugin says, or why it could not be asked.
    pub fn put(&mut self, place: &Place, from: &mut dyn Read) -> Result<(), ClipError> {
        let mut line = place.request("put");
        let mut part = read_part(from)?;
        loop {
            let next = read_part(from)?;
            let more = !next.is_empty();
            connection::add_content(&mut line, &part, more);
            self.connection.say(&line)?;
            if !more {
                return self.connection.answer().map(|_done| ());
            }
            part = next;
            line = json!({ "do": "data" });
        }
    }

    /// Forgets what is offered.
    ///
    /// # Errors
    ///
    /// What the plugin says, or why it could not be asked.
    pub fn clear(&mut self, place: &Place) -> Result<(), ClipError> {
        self.connection.say(&place.request("clear"))?;
        self.connection.answer().map(|_done| ())
    }

    /// Tells what is so and what changes, a line of JSON each, until it fails.
    ///
    /// # Errors
    ///
    /// What the plugin says, or why it says no more.
    pub fn watch(&mut self, tell: &mut dyn FnMut(&str) -> io::Result<()>) -> Result<(), ClipError> {
        self.connection.say(&json!({ "do": "watch" }))?;
        self.connection.answer()?;
        loop {
            let event: Value = self.connection.event()?;
            tell(&event.to_string()).map_err(ClipError::Output)?;
        }
    }

    /// Is there to be asked, from then on.
    ///
    /// # Errors
    ///
    /// What the plugin says, or why it could not be asked.
    pub fn begin_deciding(&mut self) -> Result<(), ClipError> {
        self.connection.say(&json!({ "do": "decide" }))?;
        self.connection.answer().map(|_done| ())
    }

    /// Answers each question as `decide` does, until that has no answer.
    ///
    /// # Errors
    ///
    /// What the plugin says, or why it says no more.
    pub fn decide(
        &mut self,
        decide: &mut dyn FnMut(&Question) -> io::Result<Option<bool>>,
    ) -> Result<(), ClipError> {
        loop {
            let question: Question = self.connection.event()?;
            let Some(allow) = decide(&question).map_err(ClipError::Input)? else {
                return Ok(());
            };
            let answer = json!({ "do": "answer", "ask": question.ask, "allow": allow });
            self.connection.say(&answer)?;
            match self.connection.answer() {
                // Somebody else was quicker, or it was too late.
                Err(ClipError::Plugin { word, .. }) if word == "no-question" => {}
                answered => {
                    answered?;
                }
            }
        }
    }
}

/// The next part of content; empty at its end.
fn read_part(from: &mut dyn Read) -> Result<Vec<u8>, ClipError> {
    let mut part = Vec::with_capacity(PART_BYTES);
    let most = u64::try_from(PART_BYTES).unwrap_or(u64::MAX);
    from.take(most)
        .read_to_end(&mut part)
        .map_err(ClipError::Input)?;
    Ok(part)
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
