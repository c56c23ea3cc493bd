//! What is told while a guest's root folder is being made.

use std::fmt;

/// A step of [`GuestRoot::prepare`](super::GuestRoot::prepare), told as it
/// begins. Shown with `Display`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another process is making the same folder: waiting until it is done.
    Waiting,
    /// apt knows too little, or what it knows is too old: its lists are fetched
    /// anew, into a folder of ours.
    UpdatingLists,
    /// Packages are being downloaded.
    Fetching {
        /// How many.
        packages: usize,
        /// Their size altogether.
        bytes: u64,
    },
    /// Packages are being unpacked.
    Unpacking {
        /// How many.
        packages: usize,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => write!(f, "waiting for another process that prepares the guest"),
            Self::UpdatingLists => write!(f, "fetching apt's package lists"),
            Self::Fetching { packages, bytes } => {
                let megabytes = bytes.div_ceil(1_000_000);
                write!(f, "fetching {packages} Debian packages, {megabytes} MB")
            }
            Self::Unpacking { packages } => write!(f, "unpacking {packages} packages"),
        }
    }
}
