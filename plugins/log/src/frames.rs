//! Messages out of a stream: a line each, or as syslog senders frame them
//! (RFC 6587): a line each too, or behind a count of their bytes, which a sender
//! may change from message to message.

use serde::{Deserialize, Serialize};

use portunus_plugin_sdk::{Line, Lines, Unfinished};

/// Counts below this may have one digit more: ten megabytes, past which nobody
/// sends a message.
const LAST_DIGIT_BELOW: u64 = 1_000_000;

/// How messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Each is a line, and each line is one.
    Lines,
    /// As RFC 6587 has it. An empty line is no message.
    Syslog,
}

/// Where the stream stands in a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// Before it.
    #[default]
    Start,
    /// In what may be the count of its bytes, `MSG-LEN SP` of section 3.4.1, if
    /// `<` follows.
    Count { bytes: u64, spaced: bool },
    /// In a message that still has so many bytes.
    Counted { left: u64 },
    /// In a line (section 3.4.2).
    Line,
}

/// The message that has not ended yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    #[serde(default)]
    place: Place,
    #[serde(flatten)]
    unfinished: Unfinished,
}

/// Splits a stream.
#[derive(Debug)]
pub(crate) struct Frames {
    framing: Framing,
    place: Place,
    lines: Lines,
}

impl Frames {
    /// Goes on with a message that another has begun, or with an empty one.
    pub(crate) fn new(framing: Framing, max_line_bytes: usize, begun: Begun) -> Self {
        Self {
            framing,
            place: begun.place,
            lines: Lines::new(max_line_bytes, begun.unfinished),
        }
    }

    /// Takes bytes up to the end of a message, or all there are. Returns how many
    /// that were, and the message if it has ended.
    pub(crate) fn feed(&mut self, data: &[u8]) -> (usize, Option<Line>) {
        if self.framing == Framing::Lines {
            return self.lines.feed(data);
        }
        let mut taken: usize = 0;
        loop {
            let rest = data.get(taken..).unwrap_or_default();
            let Some(next) = rest.first() else {
                return (taken, None);
            };
            let (bytes, message) = self.step(*next, rest);
            taken = taken.saturating_add(bytes);
            if message.is_some() {
                return (taken, message);
            }
        }
    }

    /// One step on: takes some of `rest`, which begins with `next`, or only finds
    /// what that is.
    fn step(&mut self, next: u8, rest: &[u8]) -> (usize, Option<Line>) {
        match self.place {
            Place::Start if matches!(next, b'1'..=b'9') => (self.count(0, next), None),
            Place::Start => {
                self.place = Place::Line;
                (0, None)
            }
            Place::Count { bytes, spaced } => {
                let taken = match next {
                    b'0'..=b'9' if !spaced && bytes < LAST_DIGIT_BELOW => self.count(bytes, next),
                    b' ' if !spaced => {
                        let spaced = true;
                        self.place = Place::Count { bytes, spaced };
                        1
                    }
                    b'<' if spaced => {
                        self.place = Place::Counted { left: bytes };
                        0
                    }
                    _ => {
                        self.take_back(bytes, spaced);
                        0
                    }
                };
                (taken, None)
            }
            Place::Counted { left } => self.counted(left, rest),
            Place::Line => {
                let (taken, line) = self.lines.feed(rest);
                if line.is_some() {
                    self.place = Place::Start;
                }
                (taken, line.filter(|line| !line.is_empty()))
            }
        }
    }

    /// Takes a digit of a count.
    fn count(&mut self, before: u64, digit: u8) -> usize {
        let digit = u64::from(digit.saturating_sub(b'0'));
        self.place = Place::Count {
            bytes: before.saturating_mul(10).saturating_add(digit),
            spaced: false,
        };
        1
    }

    /// What looked like a count is how a line begins.
    fn take_back(&mut self, bytes: u64, spaced: bool) {
        self.lines.extend(bytes.to_string().as_bytes());
        self.lines.extend(if spaced { b" " } else { b"" });
        self.place = Place::Line;
    }

    fn counted(&mut self, left: u64, rest: &[u8]) -> (usize, Option<Line>) {
        let taken = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.lines.extend(rest.get(..taken).unwrap_or_default());
        let left = left.saturating_sub(taken as u64);
        if left > 0 {
            self.place = Place::Counted { left };
            return (taken, None);
        }
        self.place = Place::Start;
        (taken, self.lines.finish())
    }

    /// Takes what there is of an unfinished message.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        if let Place::Count { bytes, spaced } = self.place {
            self.take_back(bytes, spaced);
        }
        self.place = Place::Start;
        self.lines.finish()
    }

    /// The message that has not ended, for one who goes on with it.
    pub(crate) fn begun(&self) -> Begun {
        Begun {
            place: self.place,
            unfinished: self.lines.unfinished().clone(),
        }
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
