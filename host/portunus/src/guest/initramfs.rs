//! An initramfs: the files that a kernel unpacks into its first root, as a cpio
//! archive that is not compressed (a kernel takes that as it is).

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cpio::newc;

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_777;

/// An initramfs that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}: check that the file is there, and that the disk is not full")]
pub struct InitramfsError {
    path: PathBuf,
    cause: io::Error,
}

/// An initramfs that is being written.
#[derive(Debug)]
pub struct Initramfs {
    path: PathBuf,
    archive: BufWriter<File>,
    /// Files so far: a number for each, or a kernel takes them for one.
    files: u32,
}

impl Initramfs {
    /// Begins the file at `path`.
    ///
    /// # Errors
    ///
    /// [`InitramfsError`] where it cannot be written; so of all that follow.
    pub fn create(path: &Path) -> Result<Self, InitramfsError> {
        Ok(Self {
            path: path.to_owned(),
            archive: BufWriter::new(at(path, File::create(path))?),
            files: 0,
        })
    }

    /// Adds an empty folder. What it is in must have been added before, here and
    /// below.
    ///
    /// # Errors
    ///
    /// [`InitramfsError`].
    pub fn folder(&mut self, name: &str) -> Result<(), InitramfsError> {
        self.entry(name, FOLDER, &[])
    }

    /// Adds a file with these permissions.
    ///
    /// # Errors
    ///
    /// [`InitramfsError`].
    pub fn file(
        &mut self,
        name: &str,
        permissions: u32,
        contents: &[u8],
    ) -> Result<(), InitramfsError> {
        self.entry(name, FILE | permissions & 0o777, contents)
    }

    /// Adds a copy of a file, with its permissions.
    ///
    /// # Errors
    ///
    /// [`InitramfsError`].
    pub fn copy(&mut self, name: &str, from: &Path) -> Result<(), InitramfsError> {
        let contents = at(from, fs::read(from))?;
        let metadata = at(from, fs::metadata(from))?;
        self.file(name, metadata.permissions().mode(), &contents)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    ///
    /// [`InitramfsError`].
    pub fn link(&mut self, name: &str, target: &Path) -> Result<(), InitramfsError> {
        self.entry(name, LINK, target.as_os_str().as_bytes())
    }

    /// Adds all that is in a folder, but for what `is_left_out` says of its path
    /// within.
    ///
    /// # Errors
    ///
    /// [`InitramfsError`].
    pub fn tree(
        &mut self,
        root: &Path,
        is_left_out: &dyn Fn(&Path) -> bool,
    ) -> Result<(), InitramfsError> {
        self.part_of_tree(root, root, is_left_out)
    }

    fn part_of_tree(
        &mut self,
        root: &Path,
        folder: &Path,
        is_left_out: &dyn Fn(&Path) -> bool,
    ) -> Result<(), InitramfsError> {
        for entry in at(folder, fs::read_dir(folder))? {
            let path = at(folder, entry)?.path();
            let name = path.strip_prefix(root).unwrap_or(&path);
            if is_left_out(name) {
                continue;
            }
            let text = name.to_string_lossy();
            let kind = at(&path, path.symlink_metadata())?.file_type();
            if kind.is_dir() {
                self.folder(&text)?;
                self.part_of_tree(root, &path, is_left_out)?;
            } else if kind.is_symlink() {
                self.link(&text, &at(&path, path.read_link())?)?;
            } else if kind.is_file() {
                self.copy(&text, &path)?;
            }
        }
        Ok(())
    }

    /// Ends the archive.
    ///
    /// # Errors
    ///
    /// [`InitramfsError`].
    pub fn finish(self) -> Result<(), InitramfsError> {
        let ended = newc::trailer(self.archive).and_then(|mut archive| archive.flush());
        at(&self.path, ended)
    }

    fn entry(&mut self, name: &str, mode: u32, contents: &[u8]) -> Result<(), InitramfsError> {
        self.files = self.files.saturating_add(1);
        let number = self.files;
        let archive = &mut self.archive;
        let written = u32::try_from(contents.len())
            .map_err(io::Error::other)
            .and_then(|length| {
                let entry = newc::Builder::new(name).ino(number).mode(mode).nlink(1);
                let mut writer = entry.write(archive, length);
                writer.write_all(contents)?;
                writer.finish().map(drop)
            });
        at(&self.path, written)
    }
}

fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, InitramfsError> {
    done.map_err(|cause| InitramfsError {
        path: path.to_owned(),
        cause,
    })
}

#[cfg(test)]
#[path = "initramfs_tests.rs"]
mod tests;
