//! A plugin's words on their way to the host's log: escaped, cut and counted.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::host::{Host, LogLevel};
use crate::limits::{Limits, to_usize};

/// Bytes of a word that a plugin answers with: what `init` has against its
/// configuration. A person reads it, once.
pub(crate) const MAX_ANSWER_BYTES: usize = 4_096;

/// Writes one plugin's messages to its host.
pub(crate) struct Journal {
    rate: Rate,
    max_message_bytes: usize,
    /// Reused, so that a message costs no allocation.
    clean: String,
    dropped: u64,
    cut: u64,
}

impl Journal {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            rate: Rate::new(limits.log_rate),
            max_message_bytes: to_usize(limits.log_bytes),
            clean: String::new(),
            dropped: 0,
            cut: 0,
        }
    }

    /// Writes one message, or drops and counts it.
    pub(crate) fn write(&mut self, host: &mut dyn Host, level: LogLevel, message: &str) {
        let (admitted, dropped) = self.rate.admit(Instant::now());
        self.tell_dropped(host, dropped);
        if !admitted {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.clean.clear();
        if clean_into(&mut self.clean, message, self.max_message_bytes) {
            self.cut = self.cut.saturating_add(1);
        }
        host.log(level, &self.clean);
    }

    /// Tells of what was dropped, should its second be over.
    pub(crate) fn settle(&mut self, host: &mut dyn Host) {
        if self.rate.is_dropping() {
            let dropped = self.rate.settle(Instant::now());
            self.tell_dropped(host, dropped);
        }
    }

    /// Tells of what was dropped.
    pub(crate) fn close(&mut self, host: &mut dyn Host) {
        let dropped = self.rate.close();
        self.tell_dropped(host, dropped);
    }

    /// Messages that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Messages that were cut.
    pub(crate) fn cut(&self) -> u64 {
        self.cut
    }

    fn tell_dropped(&self, host: &mut dyn Host, dropped: u64) {
        if dropped > 0 {
            let limit = self.rate.limit;
            let message = format!(
                "{dropped} messages were dropped: the limit, `log-rate`, is {limit} in a second"
            );
            host.log(LogLevel::Warn, &message);
        }
    }
}

/// Admits so many messages in each second, counted from its first message.
pub(crate) struct Rate {
    limit: u64,
    second: Option<Instant>,
    admitted: u64,
    dropped: u64,
}

impl Rate {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            second: None,
            admitted: 0,
            dropped: 0,
        }
    }

    /// Whether a message may pass now, and how many could not in a second that
    /// is over.
    pub(crate) fn admit(&mut self, now: Instant) -> (bool, u64) {
        let dropped = self.settle(now);
        if self.second.is_none() {
            self.second = Some(now);
        }
        let admitted = self.admitted < self.limit;
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
        let rest = Self::new(self.limit);
        std::mem::replace(self, rest).dropped
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

/// Tells whether anything was cut.
fn clean_into(line: &mut String, text: &str, max_bytes: usize) -> bool {
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
            return true;
        }
    }
    false
}

/// Characters that change what a terminal or a reader sees of the others:
/// control characters, line separators, and marks that turn text around.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
