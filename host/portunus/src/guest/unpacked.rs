//! Debian packages unpacked into a folder: made once, whole or not at all, and
//! shared by all who ask for the same.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::packages::{self, Apt, FetchError};
use super::progress::Progress;

/// A merged `/usr`, as on every current Debian. Made before anything is unpacked.
const MERGED_USR: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// Some packages, with all that they depend on.
#[derive(Debug, Clone, Copy)]
pub struct PackageSet<'a> {
    /// The unpacked folder's name. Count it up when the rest changes, and every
    /// machine makes the folder anew.
    pub name: &'a str,
    /// What is asked for. apt adds what these need.
    pub packages: &'a [&'a str],
    /// Files that must be there then, to tell a foreign distribution's packages
    /// from usable ones.
    pub needed: &'static [&'static str],
}

/// Why a guest's files cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// Only x86 has User Mode Linux.
    #[error(
        "the guest is User Mode Linux, which runs on x86-64 alone: this machine is {}",
        std::env::consts::ARCH
    )]
    Machine,
    /// Neither a folder for the guest nor a home is named.
    #[error(
        "no folder for the guest's files: set PORTUNUS_GUEST_DIR, PORTUNUS_CACHE_DIR, XDG_CACHE_HOME or HOME in the environment"
    )]
    NoFolder,
    /// The packages could not be fetched or unpacked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The packages do not hold what they should.
    #[error(
        "the packages of this distribution do not make a guest: {missing} is not among their files"
    )]
    Incomplete {
        /// The first file that is missing.
        missing: &'static str,
    },
    /// A file or folder could not be made.
    #[error("{path}: {cause}: check that the folder can be written and its disk is not full")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl PackageSet<'_> {
    /// Finds the set's folder in `folder`, or makes it: fetches and unpacks the
    /// packages, and has `complete` add what no package brings. Whoever comes
    /// second waits for the first. `tell` hears of each step that takes time.
    ///
    /// # Errors
    ///
    /// [`RootError`]: what could not be had, and what to do. A half-made folder
    /// is never taken for a whole one.
    pub fn prepare(
        &self,
        folder: &Path,
        complete: impl FnOnce(&Path) -> Result<(), RootError>,
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<PathBuf, RootError> {
        at(folder, fs::create_dir_all(folder))?;
        let folder = at(folder, folder.canonicalize())?;
        let _locked = lock(&folder.join("lock"), tell)?;
        let root = folder.join(self.name);
        if !root.is_dir() {
            self.make(&folder, &root, complete, tell)?;
        }
        Ok(root)
    }

    /// Makes `root` beside its place and moves it there when it is whole.
    fn make(
        &self,
        folder: &Path,
        root: &Path,
        complete: impl FnOnce(&Path) -> Result<(), RootError>,
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<(), RootError> {
        let archive = folder.join("apt");
        let apt = Apt::new(&archive)?;
        let packages = apt.fetch(self.packages, tell)?;

        tell(&Progress::Unpacking {
            packages: packages.len(),
        });
        let unfinished = folder.join("unfinished");
        remove(&unfinished)?;
        for name in MERGED_USR {
            let target = Path::new("usr").join(name);
            let folder = unfinished.join(&target);
            at(&folder, fs::create_dir_all(&folder))?;
            link(&target, &unfinished.join(name))?;
        }
        for package in &packages {
            packages::unpack(&apt.path_of(package), &unfinished)?;
        }
        self.check(&unfinished)?;
        complete(&unfinished)?;
        let stamp = unfinished.join("packages");
        let names: String = packages
            .iter()
            .map(|package| format!("{}\n", package.file))
            .collect();
        at(&stamp, fs::write(&stamp, names))?;
        at(root, fs::rename(&unfinished, root))?;
        remove(&archive)
    }

    fn check(&self, root: &Path) -> Result<(), RootError> {
        // A link counts: it leads where the guest's root is `/`.
        let is_missing = |name: &&&str| root.join(name).symlink_metadata().is_err();
        match self.needed.iter().find(is_missing) {
            Some(missing) => Err(RootError::Incomplete { missing }),
            None => Ok(()),
        }
    }
}

/// Waits for, and holds, the right to change the folder; until dropped.
fn lock(path: &Path, tell: &mut dyn FnMut(&Progress)) -> Result<File, RootError> {
    let file = at(path, File::create(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            tell(&Progress::Waiting);
            at(path, file.lock())?;
        }
        Err(TryLockError::Error(cause)) => return at(path, Err(cause)),
    }
    Ok(file)
}

pub(super) fn link(target: &Path, path: &Path) -> Result<(), RootError> {
    match symlink(target, path) {
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => at(path, made),
    }
}

fn remove(folder: &Path) -> Result<(), RootError> {
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(()),
        removed => at(folder, removed),
    }
}

pub(super) fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, RootError> {
    done.map_err(|cause| RootError::Folder {
        path: path.to_owned(),
        cause,
    })
}

#[cfg(test)]
#[path = "unpacked_tests.rs"]
mod tests;
