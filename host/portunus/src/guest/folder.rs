//! One guest's own folder on the host. User Mode Linux runs in it and, by its
//! `hostfs=`, sees nothing of the host beyond it; so every path on its command
//! line is short, relative and the same for all guests.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::root::GuestRoot;

/// A link to the shared root folder.
pub(super) const ROOT: &str = "root";
/// What guest and host share: `/exchange` in the guest.
pub(super) const EXCHANGE: &str = "exchange";
/// A link to the vhost-user socket of the guest's device.
pub(super) const DEVICE: &str = "device";
/// User Mode Linux's own files.
pub(super) const KERNEL_FILES: &str = "uml";

/// A file of a guest's folder that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}: check that the folder of temporary files has room and can be written")]
pub struct RunFolderError {
    path: PathBuf,
    cause: io::Error,
}

/// The folder of one run of a guest; deleted when dropped.
#[derive(Debug)]
pub struct RunFolder {
    folder: TempDir,
}

impl RunFolder {
    /// Makes the folder for a guest with this root and, if it has a device,
    /// the socket at `device`.
    ///
    /// # Errors
    ///
    /// [`RunFolderError`] where the folder for temporary files cannot be used.
    pub fn new(root: &GuestRoot, device: Option<&Path>) -> Result<Self, RunFolderError> {
        let folder = tempfile::Builder::new()
            .prefix("portunus-guest-")
            .tempdir()
            .map_err(|cause| RunFolderError {
                path: std::env::temp_dir(),
                cause,
            })?;
        let run = Self { folder };
        for name in [EXCHANGE, KERNEL_FILES] {
            let path = run.path().join(name);
            at(&path, fs::create_dir(&path))?;
        }
        run.link(root.path(), ROOT)?;
        if let Some(device) = device {
            let device = at(device, std::path::absolute(device))?;
            run.link(&device, DEVICE)?;
        }
        Ok(run)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that the guest has as `/exchange`.
    pub fn exchange(&self) -> PathBuf {
        self.path().join(EXCHANGE)
    }

    /// Puts a program into the exchange folder.
    ///
    /// # Errors
    ///
    /// [`RunFolderError`] naming the file.
    pub fn put_program(&self, name: &str, contents: &[u8]) -> Result<(), RunFolderError> {
        let path = self.exchange().join(name);
        at(&path, fs::write(&path, contents))?;
        at(
            &path,
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)),
        )
    }

    /// Reads a file that the guest left in the exchange folder.
    ///
    /// # Errors
    ///
    /// [`RunFolderError`] naming the file.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, RunFolderError> {
        let path = self.exchange().join(name);
        at(&path, fs::read(&path))
    }

    fn link(&self, target: &Path, name: &str) -> Result<(), RunFolderError> {
        let path = self.path().join(name);
        at(&path, symlink(target, &path))
    }
}

fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, RunFolderError> {
    done.map_err(|cause| RunFolderError {
        path: path.to_owned(),
        cause,
    })
}
