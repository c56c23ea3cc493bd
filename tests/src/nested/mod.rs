//! Stock kernels on our own machine, where no hardware virtualizes: Debian's QEMU
//! emulates a processor with SVM, on which Debian's kernel has a real `/dev/kvm`.
//! In that, the *outer* machine, the program runs an *inner* one, whose kernel is
//! Debian's too, with its own drivers and its own udev.
//!
//! Everything is slow, and nothing of it is installed: all comes from packages,
//! unpacked beside the other guests' files.

mod outer;
mod qemu;

pub use outer::{Outer, OuterFile};
