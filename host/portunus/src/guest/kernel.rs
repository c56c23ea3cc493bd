//! Debian's kernel for virtual machines, packaged: what a machine with KVM boots.

use std::fs;
use std::path::{Path, PathBuf};

use super::progress::Progress;
use super::unpacked::{PackageSet, RootError};

const SET: PackageSet = PackageSet {
    name: "kernel-1",
    packages: &["linux-image-cloud-amd64"],
    needed: &["boot", MODULES],
};

const MODULES: &str = "usr/lib/modules";

/// What a kernel's image is called, before its version.
const IMAGE: &str = "vmlinuz-";

/// A kernel, unpacked.
#[derive(Debug, Clone)]
pub struct StockKernel {
    root: PathBuf,
    version: String,
}

impl StockKernel {
    /// Finds the kernel in `folder`, or makes it: fetches about 45 MB and unpacks
    /// about 150 MB.
    ///
    /// # Errors
    ///
    /// As of [`PackageSet::prepare`].
    pub fn prepare(folder: &Path, tell: &mut dyn FnMut(&Progress)) -> Result<Self, RootError> {
        if !cfg!(target_arch = "x86_64") {
            return Err(RootError::Machine);
        }
        let complete = |root: &Path| version(root).map(drop);
        let root = SET.prepare(folder, complete, tell)?;
        let version = version(&root)?;
        Ok(Self { root, version })
    }

    /// What the kernel calls its version, such as `6.1.0-40-cloud-amd64`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The kernel, a bzImage.
    pub fn image(&self) -> PathBuf {
        let name = format!("{IMAGE}{}", self.version);
        self.root.join("boot").join(name)
    }

    /// The folder of its modules: `kernel/`, and the lists that tell what is
    /// built in.
    pub fn modules(&self) -> PathBuf {
        self.root.join(MODULES).join(&self.version)
    }
}

/// The version of the kernel in a folder of packages.
fn version(root: &Path) -> Result<String, RootError> {
    let missing = RootError::Incomplete {
        missing: "boot/vmlinuz-*",
    };
    let boot = fs::read_dir(root.join("boot")).ok();
    boot.into_iter()
        .flatten()
        .flatten()
        .find_map(|entry| Some(entry.file_name().to_str()?.strip_prefix(IMAGE)?.to_owned()))
        .ok_or(missing)
}
