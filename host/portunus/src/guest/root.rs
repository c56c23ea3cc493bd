//! The folder that is the root of every guest: Debian's packages, unpacked, and
//! the little that makes them a system.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::progress::Progress;
use super::unpacked::{PackageSet, RootError, at, link};
use crate::cache_folder;

/// What a guest is made of, to be counted up with [`LINKS`] too.
const SET: PackageSet = PackageSet {
    name: "root-2",
    packages: &[
        "user-mode-linux",
        "udev",
        "kmod",
        "busybox-static",
        "dash",
        "base-passwd",
        "python3-minimal",
    ],
    needed: &[
        KERNEL,
        "usr/bin/busybox",
        "usr/bin/dash",
        "usr/bin/python3",
        "usr/bin/udevadm",
        "usr/lib/systemd/systemd-udevd",
        "usr/lib/udev/rules.d/50-udev-default.rules",
    ],
};

/// First process of the guest.
const INIT: &str = include_str!("init.sh");

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

const KERNEL: &str = "usr/bin/linux.uml";

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
        let root = match software {
            None => SET.prepare(folder, complete, tell)?,
            Some(software) => {
                let set = PackageSet {
                    name: &format!("{}-{}", SET.name, software.name),
                    packages: &[SET.packages, software.packages].concat(),
                    needed: SET.needed,
                };
                set.prepare(folder, complete, tell)?
            }
        };
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

/// Adds what no package brings.
fn complete(root: &Path) -> Result<(), RootError> {
    for name in MOUNT_POINTS {
        let path = root.join(name);
        at(&path, fs::create_dir_all(&path))?;
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
    let new = at(root, tempfile::NamedTempFile::new_in(root))?;
    at(new.path(), fs::write(&new, INIT))?;
    let executable = fs::Permissions::from_mode(0o755);
    at(new.path(), fs::set_permissions(&new, executable))?;
    let placed = new.persist(&path).map_err(|fault| fault.error);
    at(&path, placed).map(drop)
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;
