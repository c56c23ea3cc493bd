//! A folder that nobody but this user can write in, and whole files in it.
//!
//! Everything is relative to the folder that was checked when it was opened: what
//! happens to its path later changes nothing.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW};
use rustix::process::geteuid;

/// The user alone.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Set where group or others can write. A list of access rights beyond these
/// bits shows in the group's.
const OTHERS_WRITE: u32 = 0o022;

/// How the name of a file ends that is not whole yet.
const UNFINISHED: &str = ".tmp";

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
pub enum FolderFault {
    /// It cannot be made or opened.
    #[error("{}: {cause}", path.display())]
    Unavailable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Another user could put something there.
    #[error(
        "{}: {why}, and who can write there could have code run here; make it your own with mode \
         0700, or name another in PORTUNUS_CACHE_DIR",
        path.display()
    )]
    NotPrivate {
        /// The folder.
        path: PathBuf,
        /// Who can, and why.
        why: String,
    },
}

/// A folder, open.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    folder: OwnedFd,
}

/// One file of a folder.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// Since 1970: when it was written, or read last.
    pub(crate) used: Duration,
}

impl Entry {
    /// Whether its writer has not finished, and perhaps never will.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.name.ends_with(UNFINISHED)
    }
}

impl PrivateFolder {
    /// Opens the folder, and makes it where it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderFault> {
        let unavailable = |cause| FolderFault::Unavailable {
            path: path.to_owned(),
            cause,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE);
        builder.create(path).map_err(unavailable)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || {
            let folder = rustix::fs::open(path, flags, Mode::empty())?;
            let stat = rustix::fs::fstat(&folder)?;
            Ok((folder, stat))
        };
        let (folder, stat) =
            open().map_err(|error: rustix::io::Errno| unavailable(error.into()))?;
        match others_can_write(&stat) {
            None => Ok(Self { folder }),
            Some(why) => Err(FolderFault::NotPrivate {
                path: path.to_owned(),
                why,
            }),
        }
    }

    /// A whole file of at most `limit` bytes, which counts as used now.
    pub(crate) fn read(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.folder, name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("no file"));
        }
        if let Some(why) = others_can_write(&stat) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        // Where that is not possible, it counts as old.
        let _read_only = rustix::fs::futimens(&file, &NOW);
        let mut bytes = Vec::new();
        File::from(file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|read| read <= limit) {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        }
    }

    /// Puts a whole file in its place: who reads that name meanwhile has the old
    /// one or the new one. Nothing is forced to the disk: what a power failure
    /// leaves of it is for the reader to see.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // Another process with this number, in a container that shares the
        // folder, does not begin in the same nanosecond; and if it does, the
        // second one finds that the name is taken.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let early = format!(
            "{name}.{}-{}{UNFINISHED}",
            std::process::id(),
            now.as_nanos()
        );
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.folder, &early, flags, FILE_MODE)?;
        let written = File::from(file).write_all(bytes).and_then(|()| {
            Ok(rustix::fs::renameat(
                &self.folder,
                &early,
                &self.folder,
                name,
            )?)
        });
        if written.is_err() {
            // What stays is an unfinished one.
            let _also_refused = self.remove(&early);
        }
        written
    }

    /// Removes a file, unless somebody else has just done so.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The files in it, in no order.
    pub(crate) fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in Dir::read_from(&self.folder)? {
            let found = found?;
            let Ok(name) = found.file_name().to_str() else {
                continue;
            };
            let stat = rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW);
            // Whoever removes one meanwhile has done it for us.
            let Ok(stat) = stat else { continue };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                entries.push(Entry {
                    name: name.to_owned(),
                    bytes: u64::try_from(stat.st_size).unwrap_or(0),
                    used: modified(&stat),
                });
            }
        }
        Ok(entries)
    }
}

const NOW: Timestamps = {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    Timestamps {
        last_access: now,
        last_modification: now,
    }
};

fn modified(stat: &Stat) -> Duration {
    Duration::new(
        u64::try_from(stat.st_mtime).unwrap_or(0),
        u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
    )
}

/// Why another user can change what this is about; `None` where nobody can.
fn others_can_write(stat: &Stat) -> Option<String> {
    let us = geteuid().as_raw();
    if stat.st_uid != us {
        return Some(format!("it belongs to user {}, not to {us}", stat.st_uid));
    }
    let mode = stat.st_mode & 0o7777;
    (mode & OTHERS_WRITE != 0).then(|| format!("its mode {mode:04o} lets others write"))
}

#[cfg(test)]
#[path = "private_folder_tests.rs"]
mod tests;
