//! How bytes that nobody here wrote are shown to a person.
//!
//! Guests, plugins and files choose what they contain; none of them may move a
//! cursor, colour a terminal or forge a log line. Owns which characters are
//! shown as they are. Leaves where they are shown to the caller.

use std::fmt::{self, Write};

/// Bytes with everything that does not print escaped, and cut.
///
/// Printable UTF-8 stays as it is. Control, invisible and direction-changing
/// characters become `\n`, `\u{1b}` and the like, bytes that are not UTF-8
/// `\xff`, and a backslash `\\`, so that the original can be read back.
#[derive(Clone, Copy)]
pub struct Escaped<'a> {
    bytes: &'a [u8],
    limit: usize,
}

impl<'a> Escaped<'a> {
    /// Bytes shown where nothing else is said: a log line that a person reads
    /// without scrolling.
    pub const LIMIT: usize = 256;

    /// Shows at most [`Escaped::LIMIT`] of `bytes`.
    pub fn new(bytes: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self {
            bytes: bytes.as_ref(),
            limit: Self::LIMIT,
        }
    }

    /// Shows at most `limit` bytes (and the rest of the character that the
    /// last of them begins).
    #[must_use]
    pub fn at_most(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen: usize = 0;
        for chunk in self.bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                if seen >= self.limit {
                    return self.cut(seen, out);
                }
                seen = seen.saturating_add(character.len_utf8());
                match character {
                    '\\' => out.write_str("\\\\")?,
                    _ => write_character(character, out)?,
                }
            }
            for byte in chunk.invalid() {
                if seen >= self.limit {
                    return self.cut(seen, out);
                }
                seen = seen.saturating_add(1);
                write!(out, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Escaped<'_> {
    fn cut(&self, seen: usize, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "... ({} more bytes)",
            self.bytes.len().saturating_sub(seen)
        )
    }
}

/// A text whose lines are to be shown as lines: line ends and tabs stay, all
/// else that does not print is escaped. Backslashes stay too, since people
/// must recognise what they wrote.
pub fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let line_end = character == '\n' || (character == '\r' && rest.peek() == Some(&'\n'));
        if line_end || character == '\t' {
            shown.push(character);
        } else {
            // Writing to a String cannot fail.
            let _ = write_character(character, &mut shown);
        }
    }
    shown
}

/// A text that is to be shown within one line: everything that does not print
/// is escaped, line ends and tabs too. Backslashes stay.
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        // Writing to a String cannot fail.
        let _ = write_character(character, &mut shown);
    }
    shown
}

fn write_character(character: char, out: &mut impl Write) -> fmt::Result {
    if prints(character) {
        out.write_char(character)
    } else {
        write!(out, "{}", character.escape_default())
    }
}

/// Whether a character is seen as itself and moves nothing else. The standard
/// library's notion of "printable", plus the characters that it escapes only
/// because they are special in Rust.
fn prints(character: char) -> bool {
    matches!(character, '\'' | '"' | '\\') || character.escape_debug().len() == 1
}

#[cfg(test)]
#[path = "escape_tests.rs"]
mod tests;
