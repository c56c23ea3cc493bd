//! The folder that is the root of every guest: Debian's packages, unpacked, and
//! the little that makes them a system.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::packages::{self, Apt, FetchError};
use super::progress::Progress;
use crate::cache_folder;

/// What every guest is made of. apt adds what these need.
const PACKAGES: [&str; 7] = [
    "user-mode-linux",
    "udev",
    "kmod",
    "busybox-static",
    "dash",
    "base-passwd",
    "python3-minimal",
];

/// The unpacked folder's name. Count it up when [`PACKAGES`] or [`LINKS`]
/// changes, and every machine makes the folder anew.
const UNPACKED: &str = "root-2";

/// First process of the guest.
const INIT: &str = include_str!("init.sh");

/// A merged `/usr`, as on every current Debian. Made before anything is unpacked.
const MERGED_USR: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// What the guest mounts something on: its root cannot be written.
const MOUNT_POINTS: [&str; 9] = [
    "dev", "exchange", "mnt", "proc", "root", "run", "sys", "tmp", "var",
];

/// What the packages' installation scripts would do: name and target.
const LINKS: [(&str, &str); 4] = [
    ("usr/bin/sh", "dash"),
    ("usr/lib/modules", "uml/modules"),
    ("etc/passwd", "../usr/share/base-passwd/passwd.master"),
    ("etc/group", "../usr/share/base-passwd/group.master"),
];

/// What a guest cannot do without, to tell a foreign distribution's package from
/// a usable one.
const NEEDED: [&str; 7] = [
    KERNEL,
    "usr/bin/busybox",
    "usr/bin/dash",
    "usr/bin/python3",
    "usr/bin/udevadm",
    "usr/lib/systemd/systemd-udevd",
    "usr/lib/udev/rules.d/50-udev-default.rules",
];

const KERNEL: &str = "usr/bin/linux.uml";

/// Why there is no root folder for a guest.
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

/// Where the guest's files are kept when nobody says otherwise:
/// `PORTUNUS_GUEST_DIR`, else in the user's cache folder.
///
/// # Errors
///
/// [`RootError::NoFolder`] where the environment names none of them.
pub fn default_folder() -> Result<PathBuf, RootError> {
    cache_folder::named_or_within("PORTUNUS_GUEST_DIR", "guest").ok_or(RootError::NoFolder)
}

/// Software that a guest has beside what every guest has.
#[derive(Debug, Clone, Copy)]
pub struct Software<'a> {
    /// A word for it, of which the root folder's name is made. Another list of
    /// packages is another word.
    pub name: &'a str,
    /// Debian's packages, to which apt adds what they need.
    pub packages: &'a [&'a str],
}

/// An unpacked root folder, complete: shared by all guests, written by none.
#[derive(Debug, Clone)]
pub struct GuestRoot {
    root: PathBuf,
}

impl GuestRoot {
    /// Finds the root in `folder`, or makes it: fetches about 60 MB and unpacks
    /// about 190 MB, a few seconds with a fast network. Whoever comes second
    /// waits for the first. `tell` hears of each step that takes time.
    ///
    /// # Errors
    ///
    /// [`RootError`]: what could not be had, and what to do. A half-made folder
    /// is never taken for a whole one.
    pub fn prepare(folder: &Path, tell: &mut dyn FnMut(&Progress)) -> Result<Self, RootError> {
        Self::prepare_with(folder, None, tell)
    }

    /// The same with further software, in a root of its own.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    pub fn prepare_with(
        folder: &Path,
        software: Option<Software<'_>>,
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<Self, RootError> {
        if !cfg!(target_arch = "x86_64") {
            return Err(RootError::Machine);
        }
        at(folder, fs::create_dir_all(folder))?;
        let folder = at(folder, folder.canonicalize())?;
        let _locked = lock(&folder.join("lock"), tell)?;
        let root = folder.join(match software {
            None => UNPACKED.to_owned(),
            Some(software) => format!("{UNPACKED}-{}", software.name),
        });
        let further = software.map_or(&[][..], |software| software.packages);
        if !root.is_dir() {
            make(&folder, &root, further, tell)?;
        }
        put_init(&root)?;
        Ok(Self { root })
    }

    /// The folder that guests see as `/`.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The guest's kernel: a program of this machine.
    pub fn kernel(&self) -> PathBuf {
        self.root.join(KERNEL)
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

/// Makes `root` beside its place and moves it there when it is whole.
fn make(
    folder: &Path,
    root: &Path,
    further: &[&str],
    tell: &mut dyn FnMut(&Progress),
) -> Result<(), RootError> {
    let archive = folder.join("apt");
    let apt = Apt::new(&archive)?;
    let packages = apt.fetch(&[&PACKAGES, further].concat(), tell)?;

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

/// Adds what no package brings, and checks that the packages brought the rest.
fn complete(root: &Path) -> Result<(), RootError> {
    for name in MOUNT_POINTS {
        let path = root.join(name);
        at(&path, fs::create_dir_all(&path))?;
    }
    // A link counts: it leads where the guest's root is `/`.
    let is_missing = |name: &&str| root.join(name).symlink_metadata().is_err();
    if let Some(missing) = NEEDED.into_iter().find(is_missing) {
        return Err(RootError::Incomplete { missing });
    }
    for (name, target) in LINKS {
        link(Path::new(target), &root.join(name))?;
    }
    Ok(())
}

/// Brings the guest's first process up to date; a guest that is starting sees
/// the old one or the new one.
fn put_init(root: &Path) -> Result<(), RootError> {
    let path = root.join("init");
    if fs::read_to_string(&path).is_ok_and(|text| text == INIT) {
        return Ok(());
    }
    let new = root.join("init.new");
    at(&new, fs::write(&new, INIT))?;
    at(
        &new,
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)),
    )?;
    at(&path, fs::rename(&new, &path))
}

fn link(target: &Path, path: &Path) -> Result<(), RootError> {
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

fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, RootError> {
    done.map_err(|cause| RootError::Folder {
        path: path.to_owned(),
        cause,
    })
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;
