//! A guest without an operating system: it brings the virtio-serial device up by
//! itself, over PCI or MMIO, talks on its ports, and ends as its command line
//! says. `guest/src/main.rs` has the words of that line.
//!
//! An ELF program with a PVH note, which starts at Linux's 64-bit entry too. It
//! needs 16 MiB of memory, and no timer, disk or firmware.

/// Where the image is, on the machine that built it.
pub const PATH: &str = env!("GUEST_IMAGE");
