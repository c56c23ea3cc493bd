//! A real Linux guest that needs no virtualization: User Mode Linux from
//! Debian's own packages, with its real `virtio_console` driver and Debian's
//! udev.
//!
//! [`GuestRoot::prepare`] fetches the packages once and unpacks them into a
//! folder; [`UmlSpec::boot`] starts one guest over that folder, which it shares,
//! read-only, with every other guest. What a guest runs, and what it leaves
//! behind, lies in an exchange folder of its own.
//!
//! For a machine with KVM there are Debian's kernel, [`StockKernel`], and the
//! [`Initramfs`] that it starts with: [`MachineGuest`] is both, and
//! [`KvmGuest`] such a guest.
//!
//! The device that the guest is given, and what answers its ports, are the
//! caller's.

mod console;
mod folder;
mod initramfs;
mod kernel;
mod kvm;
mod life;
mod machine;
mod memory_folder;
mod packages;
mod progress;
mod root;
mod uml;
mod unpacked;

pub use folder::{RunFolder, RunFolderError};
pub use initramfs::{Initramfs, InitramfsError};
pub use kernel::StockKernel;
pub use kvm::KvmGuest;
pub use life::GuestError;
pub use machine::{MachineGuest, MachineGuestError};
pub use memory_folder::NoMemoryFolder;
pub use packages::FetchError;
pub use progress::Progress;
pub use root::{GuestRoot, Software, default_folder};
pub use uml::{BootError, Guest, GuestKiller, UmlSpec};
pub use unpacked::{PackageSet, RootError};
