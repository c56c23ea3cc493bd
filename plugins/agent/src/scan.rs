//! Cuts a byte stream into JSON objects, as the guest agent's protocol frames
//! them: one after the other, with nothing between them but white space and the
//! byte 0xFF, which never stands in UTF-8 and says "begin anew here".
//!
//! Owns the bounds on an object's size and depth. Whether an object is good
//! JSON is left to who parses it: this only finds its end, and that of one that
//! is past a bound without keeping it.

use std::cell::RefCell;
use std::mem;
use std::ops::Deref;
use std::rc::Rc;

/// The delimiter of `guest-sync-delimited`.
pub const DELIMITER: u8 = 0xff;

/// Levels of arrays and objects in one object. The agent's own commands and
/// replies have five; QEMU's parser takes 1,024.
pub const MAX_DEPTH: usize = 64;

/// Bytes past which an object is a large one: of these a stream keeps one at a
/// time. Nearly every reply is smaller, and one of this size may be kept for each
/// client that takes its time.
pub const LARGE_FROM: usize = 64 << 10;

/// What a stream holds next.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes from a `{` to the `}` that goes with it.
    Object(Frame),
    /// The byte 0xFF.
    Delimiter,
    /// What is no such thing. Said once, when it is found; what belongs to it is
    /// passed over.
    Broken(Fault),
}

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Words outside any object.
    Garbage,
    /// An object that ended in its middle.
    Torn,
    /// An object larger than the bound.
    TooLong,
    /// More levels than [`MAX_DEPTH`].
    TooDeep,
    /// A large object while another is still kept.
    NoRoom,
}

/// One object's bytes. A large one has the stream's one large buffer, and gives
/// it back when it is dropped.
#[derive(Debug)]
pub struct Frame {
    bytes: Vec<u8>,
    home: Option<Rc<Home>>,
}

/// Where the large buffer lies while nobody uses it.
#[derive(Debug)]
struct Home {
    buffer: RefCell<Option<Vec<u8>>>,
}

/// Finds objects in a stream.
#[derive(Debug)]
pub struct Scanner {
    max_bytes: usize,
    /// For the large ones; without it all are kept alike.
    large: Option<Rc<Home>>,
    state: State,
    frame: Frame,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between objects.
    Between,
    /// In words that were already told as [`Fault::Garbage`].
    Garbage,
    /// In an object.
    Inside(Inside),
}

/// Where in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Inside {
    depth: usize,
    text: Text,
    /// Whether it was told as past a bound, and is no longer kept.
    passed_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Within,
    /// After a backslash.
    Escaped,
}

/// What a byte does to an object.
enum Step {
    /// It goes on.
    On(Inside),
    /// It ends with this byte.
    End,
    /// It ended before this byte, which belongs to what follows.
    Torn,
    /// It has one level too many.
    TooDeep(Inside),
}

impl Scanner {
    /// For objects of at most this many bytes each.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            large: None,
            state: State::Between,
            frame: Frame::default(),
        }
    }

    /// The same with a single buffer for large objects, allocated once and whole:
    /// however they come, they take no more memory than one of them.
    pub fn with_one_large(max_bytes: usize) -> Self {
        Self {
            large: Some(Rc::new(Home {
                buffer: RefCell::new(Some(Vec::new())),
            })),
            ..Self::new(max_bytes)
        }
    }

    /// Whether an object has begun and not ended.
    pub fn is_inside(&self) -> bool {
        matches!(self.state, State::Inside(_))
    }

    /// Forgets what has begun: another speaks from here on.
    pub fn reset(&mut self) {
        self.state = State::Between;
        self.frame = Frame::default();
    }

    /// Takes bytes up to the next piece's end, or all there are. Returns how
    /// many, and the piece.
    pub fn feed(&mut self, data: &[u8]) -> (usize, Option<Piece>) {
        let mut taken = 0_usize;
        while let Some(byte) = data.get(taken) {
            match self.state {
                State::Between => {
                    match byte {
                        b' ' | b'\t' | b'\r' | b'\n' => {}
                        &DELIMITER => return (taken.saturating_add(1), Some(Piece::Delimiter)),
                        b'{' => {
                            self.state = State::Inside(Inside::BEGUN);
                            // The object takes its first byte itself.
                            continue;
                        }
                        _ => {
                            self.state = State::Garbage;
                            let told = Piece::Broken(Fault::Garbage);
                            return (taken.saturating_add(1), Some(told));
                        }
                    }
                    taken = taken.saturating_add(1);
                }
                State::Garbage => match byte {
                    &DELIMITER | b'{' | b'\n' => self.state = State::Between,
                    _ => taken = taken.saturating_add(1),
                },
                State::Inside(inside) => {
                    let rest = data.get(taken..).unwrap_or_default();
                    let (bytes, piece) = self.feed_inside(inside, rest);
                    taken = taken.saturating_add(bytes);
                    if piece.is_some() {
                        return (taken, piece);
                    }
                }
            }
        }
        (taken, None)
    }

    /// The same within an object.
    fn feed_inside(&mut self, mut inside: Inside, data: &[u8]) -> (usize, Option<Piece>) {
        let (room, fault) = self.room();
        for (index, byte) in data.iter().enumerate() {
            let through = index.saturating_add(1);
            match inside.step(*byte) {
                Step::Torn => {
                    self.reset();
                    let told = Piece::Broken(Fault::Torn);
                    return (index, (!inside.passed_over).then_some(told));
                }
                Step::TooDeep(next) => {
                    return (through, Some(self.pass_over(next, Fault::TooDeep)));
                }
                Step::On(next) if !inside.passed_over && through > room => {
                    return (through, Some(self.pass_over(next, fault)));
                }
                Step::On(next) => inside = next,
                Step::End if inside.passed_over => {
                    self.state = State::Between;
                    return (through, None);
                }
                Step::End if through > room => {
                    self.reset();
                    return (through, Some(Piece::Broken(fault)));
                }
                Step::End => {
                    self.keep(data.get(..through).unwrap_or_default());
                    self.state = State::Between;
                    let frame = mem::take(&mut self.frame);
                    return (through, Some(Piece::Object(frame)));
                }
            }
        }
        if !inside.passed_over {
            self.keep(data);
        }
        self.state = State::Inside(inside);
        (data.len(), None)
    }

    fn pass_over(&mut self, inside: Inside, fault: Fault) -> Piece {
        self.frame = Frame::default();
        self.state = State::Inside(Inside {
            passed_over: true,
            ..inside
        });
        Piece::Broken(fault)
    }

    /// How many bytes more the object may have, and what is wrong with one that
    /// has more.
    fn room(&self) -> (usize, Fault) {
        let length = self.frame.bytes.len();
        let (most, fault) = match (&self.large, &self.frame.home) {
            (Some(home), None) if home.buffer.borrow().is_none() && LARGE_FROM < self.max_bytes => {
                (LARGE_FROM, Fault::NoRoom)
            }
            _ => (self.max_bytes, Fault::TooLong),
        };
        (most.saturating_sub(length), fault)
    }

    /// Adds bytes to the object's, for which there is [`room`](Self::room).
    fn keep(&mut self, bytes: &[u8]) {
        let length = self.frame.bytes.len().saturating_add(bytes.len());
        if length > LARGE_FROM
            && self.frame.home.is_none()
            && let Some(home) = &self.large
            && let Some(mut buffer) = home.buffer.take()
        {
            buffer.reserve_exact(self.max_bytes);
            buffer.extend_from_slice(&self.frame.bytes);
            self.frame = Frame {
                bytes: buffer,
                home: Some(Rc::clone(home)),
            };
        }
        self.frame.bytes.extend_from_slice(bytes);
    }
}

impl Inside {
    /// Before the first `{`.
    const BEGUN: Self = Self {
        depth: 0,
        text: Text::Outside,
        passed_over: false,
    };

    fn step(mut self, byte: u8) -> Step {
        match (self.text, byte) {
            (_, DELIMITER) => return Step::Torn,
            // No line break stands in a string: whoever wrote it was cut off.
            (Text::Within | Text::Escaped, b'\n') => return Step::Torn,
            (Text::Escaped, _) | (Text::Outside, b'"') => self.text = Text::Within,
            (Text::Within, b'\\') => self.text = Text::Escaped,
            (Text::Within, b'"') => self.text = Text::Outside,
            (Text::Within, _) => {}
            (Text::Outside, b'{' | b'[') => {
                self.depth = self.depth.saturating_add(1);
                if self.depth > MAX_DEPTH && !self.passed_over {
                    return Step::TooDeep(self);
                }
            }
            (Text::Outside, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Step::End;
                }
            }
            (Text::Outside, _) => {}
        }
        Step::On(self)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Frame {}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            let mut buffer = mem::take(&mut self.bytes);
            buffer.clear();
            home.buffer.replace(Some(buffer));
        }
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
