//! A guest for a machine with KVM: Debian's kernel, and an initial RAM disk of the
//! files that every guest has, with a shell.

use std::fs;
use std::path::{Path, PathBuf};

use super::initramfs::{Initramfs, InitramfsError};
use super::kernel::StockKernel;
use super::progress::Progress;
use super::root::GuestRoot;
use super::unpacked::RootError;

/// First process of the guest.
const INIT: &[u8] = include_bytes!("machine-init.sh");

/// What the files are called.
const KERNEL: &str = "vmlinuz";
const INITRD: &str = "initrd.img";

/// Modules that the guest finds by what its buses tell, what they need, and what
/// its power button takes.
const MODULES: [&str; 9] = [
    "drivers/virtio/virtio.ko",
    "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko",
    "drivers/virtio/virtio_pci.ko",
    "drivers/virtio/virtio_mmio.ko",
    "drivers/char/virtio_console.ko",
    "drivers/acpi/button.ko",
    "drivers/input/evdev.ko",
];

/// Of the shared root: its own first process, another kernel, and what nobody
/// here reads.
const LEFT_OUT: [&str; 9] = [
    "init",
    "usr/bin/linux.uml",
    "usr/lib/modules",
    "usr/lib/udev/hwdb.d",
    "usr/lib/uml",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
];

/// Why a machine has no guest.
#[derive(Debug, thiserror::Error)]
pub enum MachineGuestError {
    /// The packages could not be had.
    #[error(transparent)]
    Packages(#[from] RootError),
    /// The initial RAM disk could not be written.
    #[error(transparent)]
    Initramfs(#[from] InitramfsError),
}

/// A guest's files, as a machine's configuration names them.
#[derive(Debug, Clone)]
pub struct MachineGuest {
    /// The kernel, a bzImage.
    pub kernel: PathBuf,
    /// The initial RAM disk.
    pub initrd: PathBuf,
}

impl MachineGuest {
    /// Makes the files in `folder`, of packages that are fetched into `packages`
    /// unless they are there: about 105 MB, unpacked about 340 MB. With
    /// `programs`, by name, the guest finds these in `/exchange`, runs the one
    /// named `run`, and powers off; without any it has a shell on its console.
    ///
    /// # Errors
    ///
    /// What could not be had or written, and what to do.
    pub fn make(
        folder: &Path,
        packages: &Path,
        programs: &[(&str, &[u8])],
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<Self, MachineGuestError> {
        let root = GuestRoot::prepare(packages, tell)?;
        let kernel = StockKernel::prepare(packages, tell)?;
        let guest = Self {
            kernel: folder.join(KERNEL),
            initrd: folder.join(INITRD),
        };
        let failed = |cause| RootError::Folder {
            path: folder.to_owned(),
            cause,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        fs::copy(kernel.image(), &guest.kernel).map_err(failed)?;
        let mut made = Initramfs::create(&guest.initrd)?;
        made.file("init", 0o755, INIT)?;
        made.tree(root.path(), &|name| {
            LEFT_OUT.iter().any(|left_out| name == Path::new(left_out))
        })?;
        add_modules(&mut made, &kernel)?;
        for (name, contents) in programs {
            made.file(&format!("exchange/{name}"), 0o755, contents)?;
        }
        made.finish()?;
        Ok(guest)
    }
}

/// The guest makes the list of what they need of each other.
fn add_modules(made: &mut Initramfs, kernel: &StockKernel) -> Result<(), InitramfsError> {
    let from = kernel.modules();
    let to = format!("usr/lib/modules/{}", kernel.version());
    for folder in ["usr/lib/modules", &to, &format!("{to}/kernel")] {
        made.folder(folder)?;
    }
    for list in [
        "modules.builtin",
        "modules.builtin.modinfo",
        "modules.order",
    ] {
        made.copy(&format!("{to}/{list}"), &from.join(list))?;
    }
    for module in MODULES {
        let name = Path::new(module).file_name().unwrap_or_default();
        let name = format!("{to}/kernel/{}", name.to_string_lossy());
        made.copy(&name, &from.join("kernel").join(module))?;
    }
    Ok(())
}
