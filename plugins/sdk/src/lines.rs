//! Lines out of a stream that has no message boundaries.

use serde::{Deserialize, Serialize};

/// A line without its end: `\n`, or `\r\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The bytes, as far as the limit allows.
    pub bytes: Vec<u8>,
    /// How many bytes past the limit were cut.
    pub cut_bytes: u64,
}

impl Line {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.cut_bytes == 0
    }
}

/// The line that has not ended yet, as [`Plugin::save`](crate::Plugin::save) can
/// keep it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// The line's first bytes, as far as the limit allows.
    kept: Vec<u8>,
    /// The line's length so far.
    length: u64,
    /// Whether the line's last byte is `\r`, which is none of it if `\n` follows.
    returned: bool,
}

/// Splits a stream into lines. Keeps at most one, of bounded length, that has not
/// ended.
#[derive(Debug)]
pub struct Lines {
    max_line_bytes: usize,
    unfinished: Unfinished,
}

impl Lines {
    /// Goes on with a line that another has begun, or with an empty one.
    pub fn new(max_line_bytes: usize, mut unfinished: Unfinished) -> Self {
        unfinished.kept.truncate(max_line_bytes);
        Self {
            max_line_bytes,
            unfinished,
        }
    }

    /// Takes bytes up to the end of a line, or all there are. Returns how many
    /// that were, and the line if it has ended.
    pub fn feed(&mut self, data: &[u8]) -> (usize, Option<Line>) {
        match memchr::memchr(b'\n', data) {
            Some(end) => {
                self.extend(data.get(..end).unwrap_or_default());
                (end.saturating_add(1), Some(self.end_line()))
            }
            None => {
                self.extend(data);
                (data.len(), None)
            }
        }
    }

    /// Takes what there is of an unfinished line.
    pub fn finish(&mut self) -> Option<Line> {
        if self.unfinished.length == 0 {
            return None;
        }
        // A `\r` that no `\n` follows is a byte like any other.
        self.unfinished.returned = false;
        Some(self.end_line())
    }

    /// The line that has not ended, for one who goes on with it.
    pub fn unfinished(&self) -> &Unfinished {
        &self.unfinished
    }

    /// Takes bytes that do not end the line.
    pub fn extend(&mut self, bytes: &[u8]) {
        let line = &mut self.unfinished;
        let Some(last) = bytes.last() else { return };
        line.returned = *last == b'\r';
        line.length = line.length.saturating_add(bytes.len() as u64);
        let room = self.max_line_bytes.saturating_sub(line.kept.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        line.kept.extend_from_slice(kept);
    }

    fn end_line(&mut self) -> Line {
        let Unfinished {
            kept: mut bytes,
            length,
            returned,
        } = std::mem::take(&mut self.unfinished);
        let length = length.saturating_sub(u64::from(returned));
        if length < bytes.len() as u64 {
            bytes.pop();
        }
        let cut_bytes = length.saturating_sub(bytes.len() as u64);
        Line { bytes, cut_bytes }
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
