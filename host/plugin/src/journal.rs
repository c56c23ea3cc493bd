//! A plugin's words on their way to the host's log: escaped, cut and counted.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::host::{Host, LogLevel};

/// Bytes of one message, as it is written: escaped, and without the note that
/// it was cut.
pub const MAX_MESSAGE_BYTES: usize = 4_096;

/// Messages of one instance in a second, printed lines included.
pub const MAX_MESSAGES_PER_SECOND: u32 = 200;

/// Writes one plugin's messages to its host.
#[derive(Default)]
pub(crate) struct Journal {
    rate: Rate,
    /// Reused, so that a message costs no allocation.
    clean: String,
    dropped: u64,
}

impl Journal {
    /// Writes one message, or drops and counts it.
    pub(crate) fn write(&mut self, host: &mut dyn Host, level: LogLevel, message: &str) {
        let (admitted, dropped) = self.rate.admit(Instant::now());
        tell_dropped(host, dropped);
        if !admitted {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.clean.clear();
        clean_into(&mut self.clean, message, MAX_MESSAGE_BYTES);
        host.log(level, &self.clean);
    }

    /// Tells of what was dropped, should its second be over.
    pub(crate) fn settle(&mut self, host: &mut dyn Host) {
        if self.rate.is_dropping() {
            tell_dropped(host, self.rate.settle(Instant::now()));
        }
    }

    /// Tells of what was dropped.
    pub(crate) fn close(&mut self, host: &mut dyn Host) {
        tell_dropped(host, self.rate.close());
    }

    /// Messages that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn tell_dropped(host: &mut dyn Host, dropped: u64) {
    if dropped > 0 {
        let message = format!(
            "{dropped} messages were dropped: more than {MAX_MESSAGES_PER_SECOND} in a second"
        );
        host.log(LogLevel::Warn, &message);
    }
}

/// Admits so many messages in each second, counted from its first message.
#[derive(Default)]
pub(crate) struct Rate {
    second: Option<Instant>,
    admitted: u32,
    dropped: u64,
}

impl Rate {
    /// Whether a message may pass now, and how many could not in a second that
    /// is over.
    pub(crate) fn admit(&mut self, now: Instant) -> (bool, u64) {
        let dropped = self.settle(now);
        if self.second.is_none() {
            self.second = Some(now);
        }
        let admitted = self.admitted < MAX_MESSAGES_PER_SECOND;
        if admitted {
            self.admitted = self.admitted.saturating_add(1);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
        (admitted, dropped)
    }

    /// How many messages could not pass, if their second is over.
    pub(crate) fn settle(&mut self, now: Instant) -> u64 {
        match self.second {
            Some(start) if now.saturating_duration_since(start) >= Duration::from_secs(1) => {
                self.close()
            }
            _ => 0,
        }
    }

    /// How many messages could not pass since that was last told.
    pub(crate) fn close(&mut self) -> u64 {
        std::mem::take(self).dropped
    }

    fn is_dropping(&self) -> bool {
        self.dropped > 0
    }
}

/// `text` as one line of at most `max_bytes` that is safe to print; what is cut
/// is said so.
pub(crate) fn clean(text: &str, max_bytes: usize) -> String {
    let mut line = String::new();
    clean_into(&mut line, text, max_bytes);
    line
}

fn clean_into(line: &mut String, text: &str, max_bytes: usize) {
    let limit = line.len().saturating_add(max_bytes);
    for (at, character) in text.char_indices() {
        let before = line.len();
        if is_unprintable(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        if line.len() > limit {
            line.truncate(before);
            let rest = text.len().saturating_sub(at);
            // Writing to a string cannot fail.
            let _ = write!(line, "... (cut, {rest} bytes more)");
            return;
        }
    }
}

/// Characters that change what a terminal or a reader sees of the others:
/// control characters, line separators, and marks that turn text around.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
