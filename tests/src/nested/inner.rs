//! What the inner machine boots: Debian's kernel, with an initramfs of the files
//! that User Mode Linux has as its root, this kernel's own virtio modules, and
//! the guest's programs.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use portunus::guest::{Initramfs, StockKernel};
use tempfile::TempDir;

use super::OuterFile;
use crate::device::{compile, sample};
use crate::guest::{folder, root, tell};

/// Modules that the guest finds by what its buses tell, and what they need.
const MODULES: [&str; 8] = [
    "drivers/virtio/virtio.ko",
    "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko",
    "drivers/virtio/virtio_pci.ko",
    "drivers/virtio/virtio_mmio.ko",
    "drivers/char/virtio_console.ko",
    "drivers/acpi/button.ko",
];

/// Of the shared root: another kernel, and what nobody reads there.
const LEFT_OUT: [&str; 9] = [
    "usr/bin/linux.uml",
    "usr/lib/modules",
    "usr/lib/udev/hwdb.d",
    "usr/lib/uml",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/libcrypto.so.3",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
];

/// The inner machine's files.
pub struct Inner {
    kernel: StockKernel,
    folder: TempDir,
}

impl Inner {
    /// Makes an initramfs whose guest runs `script`, with these sample programs
    /// beside it, and powers off.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn new(script: &str, programs: &[&str]) -> Result<Self, Box<dyn Error>> {
        let inner = Self {
            kernel: StockKernel::prepare(&folder()?, &mut tell)?,
            folder: tempfile::tempdir()?,
        };
        let mut made = Initramfs::create(&inner.initramfs())?;
        made.tree(root()?.path(), &|name| {
            LEFT_OUT.iter().any(|left_out| name == Path::new(left_out))
        })?;
        inner.add_modules(&mut made)?;
        made.file("exchange/run", 0o755, script.as_bytes())?;
        for name in programs {
            let contents = match name.contains('.') {
                true => fs::read(sample(name))?,
                false => compile(name)?,
            };
            made.file(&format!("exchange/{name}"), 0o755, &contents)?;
        }
        made.finish()?;
        Ok(inner)
    }

    /// The kernel and the initramfs, as `/inner/kernel` and `/inner/initramfs`.
    pub fn files(&self) -> [OuterFile; 2] {
        let file = |name: &str, from| OuterFile {
            name: format!("inner/{name}"),
            from,
        };
        [
            file("kernel", self.kernel.image()),
            file("initramfs", self.initramfs()),
        ]
    }

    fn initramfs(&self) -> PathBuf {
        self.folder.path().join("initramfs")
    }

    fn add_modules(&self, made: &mut Initramfs) -> Result<(), Box<dyn Error>> {
        let from = self.kernel.modules();
        let to = format!("usr/lib/modules/{}", self.kernel.version());
        for folder in ["usr/lib/modules", &to, &format!("{to}/kernel")] {
            made.folder(folder)?;
        }
        for list in ["modules.builtin", "modules.order"] {
            made.copy(&format!("{to}/{list}"), &from.join(list))?;
        }
        for module in MODULES {
            let name = Path::new(module).file_name().unwrap_or_default();
            let name = format!("{to}/kernel/{}", name.to_string_lossy());
            made.copy(&name, &from.join("kernel").join(module))?;
        }
        Ok(())
    }
}
