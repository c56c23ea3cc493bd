//! The file system, as far as the log needs it. By path and not by open file:
//! so a file that somebody removes or renames is made anew at the next line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// What became of an append.
#[derive(Debug)]
pub(crate) struct Appended {
    /// How many bytes are in the file now, from the first on.
    pub(crate) bytes: usize,
    /// Why that is not all of them.
    pub(crate) result: io::Result<()>,
}

/// Files by their paths.
pub(crate) trait Files {
    /// A file's length; 0 where there is none.
    fn length(&self, path: &str) -> io::Result<u64>;
    /// Whether a file is there.
    fn exists(&self, path: &str) -> io::Result<bool>;
    /// A file's last byte, if it has one.
    fn last_byte(&self, path: &str) -> io::Result<Option<u8>>;
    /// Appends to a file, which is made where there is none.
    fn append(&self, path: &str, bytes: &[u8]) -> Appended;
    /// Cuts a file at this length.
    fn truncate(&self, path: &str, length: u64) -> io::Result<()>;
    /// Returns when a file's bytes are on the disk. Does nothing where there is none.
    fn sync(&self, path: &str) -> io::Result<()>;
    /// Renames a file, over another if there is one. Atomic.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
}

/// The directories that the port was granted.
#[derive(Debug, Default)]
pub(crate) struct Disk;

impl Files for Disk {
    fn length(&self, path: &str) -> io::Result<u64> {
        Ok(if_there(fs::metadata(path))?.map_or(0, |metadata| metadata.len()))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        fs::exists(path)
    }

    fn last_byte(&self, path: &str) -> io::Result<Option<u8>> {
        let Some(mut file) = if_there(File::open(path))? else {
            return Ok(None);
        };
        if file.metadata()?.len() == 0 {
            return Ok(None);
        }
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(Some(u8::from_ne_bytes(byte)))
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Appended {
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let (mut file, before) = match opened.and_then(|file| {
            let length = file.metadata()?.len();
            Ok((file, length))
        }) {
            Ok(opened) => opened,
            Err(error) => {
                return Appended {
                    bytes: 0,
                    result: Err(error),
                };
            }
        };
        let result = file.write_all(bytes);
        if result.is_ok() {
            return Appended {
                bytes: bytes.len(),
                result,
            };
        }
        // An error does not say how much of a write was done before it: only the
        // file itself knows.
        let after = file.metadata().map_or(before, |metadata| metadata.len());
        let grown = usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX);
        Appended {
            bytes: grown.min(bytes.len()),
            result: result.map_err(explain),
        }
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.set_len(length)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        // Flushing is a write: a read-only descriptor may not do it.
        match if_there(OpenOptions::new().append(true).open(path))? {
            Some(file) => file.sync_data(),
            None => Ok(()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(from, to)
    }
}

/// A WASI stream does not say why it failed, and Rust's newer C library for WASI
/// calls that an I/O error. Nearly always the disk is full.
fn explain(error: io::Error) -> io::Error {
    const WASI_EIO: i32 = 29;
    if cfg!(target_os = "wasi") && error.raw_os_error() == Some(WASI_EIO) {
        return io::Error::other(format!("{error}: is the disk full?"));
    }
    error
}

/// Makes a missing file nothing, and no error.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
