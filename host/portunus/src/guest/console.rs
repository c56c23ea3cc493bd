//! What a guest prints: lines, bounded in length and number, read once in order
//! and kept for the errors that need them.

use std::collections::VecDeque;

use crate::escape::Escaped;

/// A longer line goes on as another one: as much as a screen holds.
const LINE_LIMIT_BYTES: usize = 4096;

/// Lines kept; the oldest are forgotten first. A boot prints a handful.
const LINES_LIMIT: usize = 4096;

/// Lines that an error repeats.
const TAIL_LINES: usize = 20;

/// A guest's console, as far as it is remembered.
#[derive(Debug, Default)]
pub(super) struct Console {
    lines: VecDeque<String>,
    /// How many of `lines` were taken.
    taken: usize,
    unfinished: Vec<u8>,
}

impl Console {
    /// Adds what the guest printed.
    pub(super) fn print(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end_line();
                continue;
            }
            if self.unfinished.len() >= LINE_LIMIT_BYTES {
                self.end_line();
            }
            self.unfinished.push(*byte);
        }
    }

    /// The guest prints no more: what it began is a line too.
    pub(super) fn close(&mut self) {
        if !self.unfinished.is_empty() {
            self.end_line();
        }
    }

    /// The next line that was not taken yet, without its end.
    pub(super) fn take_line(&mut self) -> Option<String> {
        let line = self.lines.get(self.taken)?.clone();
        self.taken = self.taken.saturating_add(1);
        Some(line)
    }

    /// All that is remembered, taken or not.
    pub(super) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The last lines, fit to be shown.
    pub(super) fn tail(&self) -> String {
        let skipped = self.lines.len().saturating_sub(TAIL_LINES);
        self.lines
            .iter()
            .skip(skipped)
            .map(|line| format!("\n  | {}", Escaped::new(line)))
            .collect()
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.unfinished)
            .trim_end_matches('\r')
            .to_owned();
        self.unfinished.clear();
        if self.lines.len() >= LINES_LIMIT {
            self.lines.pop_front();
            self.taken = self.taken.saturating_sub(1);
        }
        self.lines.push_back(line);
    }
}

#[cfg(test)]
#[path = "console_tests.rs"]
mod tests;
