//! Records on their way into a file that is rotated. Each gets there whole,
//! once and in order, whatever the disk refuses in between: what was refused
//! waits here.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use crate::files::Files;
use crate::rotation::{numbered, renames};
use crate::spec::Spec;

/// Bytes past which no further record is begun before these are written: few
/// calls to the file system a record, and little memory.
const BATCH_BYTES: usize = 64 << 10;

/// What could not be done with a file, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    path: String,
    error: io::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.error)
    }
}

/// The first record that waits, where a part of it is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    /// Bytes of it in the file.
    bytes: usize,
    /// The file's length with them. A file of another length is another file,
    /// or has other words after ours.
    file_length: u64,
}

/// Records that wait, and how far the first one is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// The file that they are for.
    path: String,
    /// Whole records, from the first on that is not wholly in the file.
    records: String,
    begun: Option<Begun>,
}

/// What the file ends with, when no record of ours is begun.
#[derive(Debug, PartialEq, Eq)]
enum Tail {
    /// Perhaps with a part of a line: of an instance that failed, or of another
    /// program.
    Unknown,
    /// With a whole line, or it is empty.
    Whole,
}

/// Writes records to a file.
#[derive(Debug)]
pub(crate) struct Journal<F> {
    files: F,
    rotate_bytes: u64,
    keep: u32,
    waiting: Waiting,
    tail: Tail,
    written_records: u64,
}

impl<F: Files> Journal<F> {
    /// Goes on where another stopped, or with nothing that waits.
    pub(crate) fn new(files: F, spec: &Spec, mut waiting: Waiting) -> Self {
        if waiting.path != spec.path {
            waiting.path.clone_from(&spec.path);
            waiting.begun = None;
        }
        Self {
            files,
            rotate_bytes: spec.rotate_bytes,
            keep: spec.keep,
            waiting,
            tail: Tail::Unknown,
            written_records: 0,
        }
    }

    /// Makes the file if it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be written to. A full disk is none: that may end.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match self.files.append(&self.waiting.path, b"").result {
            Err(error) if matches!(error.kind(), StorageFull | QuotaExceeded) => Ok(()),
            result => result.map_err(|error| self.failure(0, error)),
        }
    }

    /// Whether further records may be added before these are written.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.records.len() < BATCH_BYTES
    }

    /// Where to add a record, which must end with a newline and have no other.
    pub(crate) fn records(&mut self) -> &mut String {
        &mut self.waiting.records
    }

    /// What waits, for one who goes on with it.
    pub(crate) fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// How many records were written since the last call.
    pub(crate) fn take_written(&mut self) -> u64 {
        std::mem::take(&mut self.written_records)
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// The file system refused something: what is not in the file still waits.
    pub(crate) fn write(&mut self) -> Result<(), Failure> {
        while let Some(first_end) = end_of_first(&self.waiting.records) {
            let length = self
                .files
                .length(&self.waiting.path)
                .map_err(|error| self.failure(0, error))?;
            if self
                .waiting
                .begun
                .is_some_and(|begun| begun.file_length != length)
            {
                self.waiting.begun = None;
                self.tail = Tail::Unknown;
            }
            if self.waiting.begun.is_none() {
                if self.end_tail()? {
                    continue;
                }
                if length > 0 && length.saturating_add(first_end as u64) > self.rotate_bytes {
                    self.rotate()?;
                    continue;
                }
            }
            self.append(first_end, length)?;
        }
        Ok(())
    }

    /// Returns when what was written is on the disk.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.files
            .sync(&self.waiting.path)
            .map_err(|error| self.failure(0, error))
    }

    /// Forgets what waits, takes back what is written of a record, and returns
    /// how many records are lost.
    pub(crate) fn give_up(&mut self) -> u64 {
        if let Some(begun) = self.waiting.begun.take()
            && self
                .files
                .length(&self.waiting.path)
                .is_ok_and(|length| length == begun.file_length)
        {
            // Where this fails, the next to write ends the line.
            let whole = begun.file_length.saturating_sub(begun.bytes as u64);
            let _ = self.files.truncate(&self.waiting.path, whole);
        }
        self.tail = Tail::Unknown;
        count_records(&std::mem::take(&mut self.waiting.records))
    }

    /// Ends a line that the file ends in the middle of. True if there was one.
    fn end_tail(&mut self) -> Result<bool, Failure> {
        if self.tail == Tail::Whole {
            return Ok(false);
        }
        let path = &self.waiting.path;
        let last = self
            .files
            .last_byte(path)
            .map_err(|error| self.failure(0, error))?;
        let torn = last.is_some_and(|byte| byte != b'\n');
        if torn {
            self.files
                .append(path, b"\n")
                .result
                .map_err(|error| self.failure(0, error))?;
        }
        self.tail = Tail::Whole;
        Ok(torn)
    }

    /// Appends the rest of a begun record, or as many as fit into the file and
    /// at least one.
    fn append(&mut self, first_end: usize, length: u64) -> Result<(), Failure> {
        let (from, to) = match self.waiting.begun {
            Some(begun) => (begun.bytes, first_end),
            None => {
                let room = self.rotate_bytes.saturating_sub(length);
                let room = usize::try_from(room).unwrap_or(usize::MAX);
                (
                    0,
                    end_of_last(&self.waiting.records, room).unwrap_or(first_end),
                )
            }
        };
        let bytes = self
            .waiting
            .records
            .as_bytes()
            .get(from..to)
            .unwrap_or_default();
        let appended = self.files.append(&self.waiting.path, bytes);
        self.advance(
            from.saturating_add(appended.bytes),
            length.saturating_add(appended.bytes as u64),
        );
        appended.result.map_err(|error| self.failure(0, error))
    }

    /// Takes note that the file has this many bytes of what waits.
    fn advance(&mut self, bytes: usize, file_length: u64) {
        let whole = end_of_last(&self.waiting.records, bytes).unwrap_or(0);
        let gone = self.waiting.records.drain(..whole);
        self.written_records = self
            .written_records
            .saturating_add(count_records(gone.as_str()));
        drop(gone);
        let bytes = bytes.saturating_sub(whole);
        self.waiting.begun = (bytes > 0).then_some(Begun { bytes, file_length });
    }

    /// Makes the current file the first of the old ones.
    fn rotate(&self) -> Result<(), Failure> {
        let path = &self.waiting.path;
        self.sync()?;
        let numbers = renames(self.keep, |number| {
            self.files
                .exists(&numbered(path, number))
                .map_err(|error| self.failure(number, error))
        })?;
        for number in numbers {
            let to = numbered(path, number.saturating_add(1));
            match self.files.rename(&numbered(path, number), &to) {
                // Somebody has removed it: then there is nothing to keep.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(|error| self.failure(number, error))?,
            }
        }
        Ok(())
    }

    fn failure(&self, number: u32, error: io::Error) -> Failure {
        Failure {
            path: numbered(&self.waiting.path, number),
            error,
        }
    }
}

/// The length of the first record.
fn end_of_first(records: &str) -> Option<usize> {
    records.find('\n').map(|end| end.saturating_add(1))
}

/// The length of all records that are whole within this many bytes.
fn end_of_last(records: &str, bytes: usize) -> Option<usize> {
    let within = records
        .as_bytes()
        .get(..bytes)
        .unwrap_or(records.as_bytes());
    within
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map(|end| end.saturating_add(1))
}

fn count_records(records: &str) -> u64 {
    records.bytes().filter(|byte| *byte == b'\n').count() as u64
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
