//! Why a guest cannot be started from these files, in words for the person who
//! named them.

use std::io;
use std::path::{Path, PathBuf};

use vm_memory::GuestMemoryError;

/// Why a kernel was not loaded. The configuration's fault, but for
/// [`BootError::Memory`], which would be ours.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A file cannot be read.
    #[error("cannot read the {what} {}: {source}; correct the path, or who may read it", path.display())]
    Unreadable {
        /// The kernel, or the initrd.
        what: &'static str,
        /// Its file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "{} is not a kernel that this machine starts: it is {found}; it takes a bzImage (a \
         distribution's `vmlinuz`) or an ELF `vmlinux`, for x86-64",
        path.display()
    )]
    NotAKernel {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: &'static str,
    },
    /// It looks like a kernel, and is none.
    #[error("the kernel {} is damaged: {reason}; build or fetch it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// It needs more memory.
    #[error(
        "the kernel {} needs memory up to {needs_mib} MiB before it has started, and the guest has \
         {has_mib} MiB below its devices; give the guest more memory",
        path.display()
    )]
    KernelDoesNotFit {
        /// The file.
        path: PathBuf,
        /// Where it ends, in MiB.
        needs_mib: u64,
        /// Where memory ends, in MiB.
        has_mib: u64,
    },
    /// There is no room for the initrd behind the kernel.
    #[error(
        "the initrd {} has {initrd_mib} MiB, and {free_mib} MiB are free behind the kernel; give the \
         guest more memory, or make the initrd smaller",
        path.display()
    )]
    InitrdDoesNotFit {
        /// The file.
        path: PathBuf,
        /// Its size, in MiB.
        initrd_mib: u64,
        /// What there is, in MiB.
        free_mib: u64,
    },
    /// The command line cannot be given to this kernel.
    #[error(
        "the command line cannot be given to the kernel: {reason}; it takes up to {max_bytes} \
         bytes of printable ASCII"
    )]
    CommandLine {
        /// What is wrong.
        reason: String,
        /// How long it may be.
        max_bytes: usize,
    },
    /// What a kernel is told was not written.
    #[error(
        "cannot write what the kernel is told into guest memory: {0}; this is a fault of the program"
    )]
    Memory(#[from] GuestMemoryError),
}

impl BootError {
    /// For `map_err`: the file of `what` cannot be read.
    pub(super) fn unreadable(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Self + Copy {
        move |source| Self::Unreadable {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
