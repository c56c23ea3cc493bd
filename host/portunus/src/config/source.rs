//! A configuration file's text, and places in it.
//!
//! Owns reading the file within a bound, and the spans by which every later
//! stage points back into it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::diagnose::{Diagnostic, Diagnostics};

/// Largest configuration file, in bytes. The largest that makes sense, some
/// thousand ports with long tables, has half of this; what is larger is some
/// other file, given by mistake.
pub const MAX_SOURCE_SIZE: u64 = 1024 * 1024;

/// A part of a source's text, in bytes from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

/// A value, and where the file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// What the file says.
    pub value: T,
    /// Where it says so: the value for a key, the header for a table.
    pub span: Span,
}

impl<T> Located<T> {
    /// What the file says, made into something else, at the same place.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Located<U> {
        Located {
            value: make(self.value),
            span: self.span,
        }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A place is not part of the format: the schema is the value's.
impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A configuration file that has been read.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// A text as if it stood in the file at `path`.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    /// Reads a file of at most [`MAX_SOURCE_SIZE`] bytes.
    ///
    /// # Errors
    ///
    /// One fault, when the file cannot be read, is too large, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        let refuse = |what: String, help: &str| {
            Diagnostics::new(Self::new(path, ""), vec![Diagnostic::new(what).help(help)])
        };
        let shown = path.display();
        let bytes = read_at_most(path, MAX_SOURCE_SIZE).map_err(|error| match error.kind() {
            io::ErrorKind::IsADirectory => refuse(
                format!("`{shown}` is a directory"),
                "name the configuration file itself",
            ),
            io::ErrorKind::FileTooLarge => refuse(
                format!("`{shown}` has more than {MAX_SOURCE_SIZE} bytes"),
                "a configuration of this size is some other file, given by mistake",
            ),
            _ => refuse(
                format!("`{shown}` cannot be read: {error}"),
                "check the path, and that you may read it",
            ),
        })?;
        String::from_utf8(bytes)
            .map(|text| Self::new(path, text))
            .map_err(|error| {
                Self::not_utf8(path, error.as_bytes(), error.utf8_error().valid_up_to())
            })
    }

    /// The file's path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A path of the file's: one that is relative starts from the file's
    /// directory. `.` goes, `..` stays, since what is before it may be a link.
    pub fn path_from_here(&self, path: &Path) -> PathBuf {
        let directory = self.path.parent().unwrap_or(Path::new(""));
        directory.join(path).components().collect()
    }

    /// A path of the file's, no longer relative to its directory.
    pub(crate) fn located_from_here(&self, path: Located<PathBuf>) -> Located<PathBuf> {
        path.map(|path| self.path_from_here(&path))
    }

    /// The line and the column of a byte, each from 1; columns in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before
            .rfind('\n')
            .map_or(0, |newline| newline.saturating_add(1));
        let line = before
            .bytes()
            .filter(|&byte| byte == b'\n')
            .count()
            .saturating_add(1);
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        (line, column.saturating_add(1))
    }

    fn not_utf8(path: &Path, bytes: &[u8], valid_up_to: usize) -> Diagnostics {
        // Up to the first bad byte the lossy text is the file's, so that the
        // offset holds; there it has the replacement character.
        let text = String::from_utf8_lossy(bytes);
        let end = valid_up_to.saturating_add(char::REPLACEMENT_CHARACTER.len_utf8());
        let byte = bytes.get(valid_up_to).copied().unwrap_or_default();
        let fault = Diagnostic::new(format!("byte {byte:#04x} is not UTF-8"))
            .at((valid_up_to..end).into(), "here")
            .help("save the file as UTF-8");
        Diagnostics::new(Self::new(path, text), vec![fault])
    }
}

/// Reads a whole file that may not be larger than `limit` bytes.
///
/// # Errors
///
/// What the system says, and [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read <= limit) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::FileTooLarge.into())
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
