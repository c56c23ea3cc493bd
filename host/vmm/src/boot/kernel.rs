//! A kernel's file: which kind it is, and its way into guest memory.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use linux_loader::bootparam::setup_header;
use linux_loader::loader::bzimage::Error as BzImageError;
use linux_loader::loader::elf::{Error as ElfError, PvhBootCapability};
use linux_loader::loader::{BzImage, Elf, Error as LoaderError, KernelLoader, KernelLoaderResult};
use vm_memory::{GuestAddress, GuestMemoryMmap};

use super::BootError;
use crate::layout::{HIGH_MEMORY, MIB};
use crate::memory::low_end;
use crate::spec::MemorySize;

/// A kernel in guest memory.
pub(super) struct Kernel {
    /// Its first instruction.
    pub(super) entry: u64,
    /// The first address behind it, and behind what it takes to unpack itself.
    pub(super) end: u64,
    /// Where an initrd has to end at the latest.
    pub(super) max_initrd_end: u64,
    /// How long its command line may be, in bytes.
    pub(super) max_command_line: usize,
    /// How it is told things.
    pub(super) protocol: Protocol,
}

/// How a kernel is told things.
pub(super) enum Protocol {
    /// By Linux's boot parameters, with the header that a bzImage brought.
    Linux(Option<Box<setup_header>>),
    /// By PVH's start information.
    Pvh,
}

/// As much of a file as shows what it is: up to the end of a bzImage's header.
const HEAD_BYTES: usize = 0x268;

/// Linux's longest command line on x86 (`COMMAND_LINE_SIZE`), without its zero.
const MAX_COMMAND_LINE: usize = 2047;

/// Where an initrd ends at the latest where a kernel does not say so: Linux's own
/// answer since 2.4 (boot protocol, `initrd_addr_max`).
const MAX_INITRD_END: u64 = 0x8000_0000;

/// A bzImage's 64-bit entry, from where it was loaded ("64-bit boot protocol").
const LONG_ENTRY: u64 = 0x200;

/// The bit of `xloadflags` that says there is one.
const XLF_KERNEL_64: u16 = 1;

/// Loads it.
pub(super) fn load(
    path: &Path,
    size: MemorySize,
    guest: &GuestMemoryMmap,
) -> Result<Kernel, BootError> {
    let unreadable = BootError::unreadable("kernel", path);
    let mut file = File::open(path).map_err(unreadable)?;
    let file_bytes = file.metadata().map_err(unreadable)?.len();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let head_bytes = u64::try_from(HEAD_BYTES).unwrap_or(0);
    (&mut file)
        .take(head_bytes)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;

    let kernel = match kind(&head) {
        Kind::BzImage => bz_image(&mut file, guest),
        Kind::Elf => elf(&mut file, guest),
        Kind::Other(found) => {
            let path = path.to_owned();
            return Err(BootError::NotAKernel { path, found });
        }
    };
    let does_not_fit = |end: u64| BootError::KernelDoesNotFit {
        path: path.to_owned(),
        needs_mib: end.div_ceil(MIB),
        has_mib: low_end(size) / MIB,
    };
    match kernel {
        Ok(kernel) if kernel.end > low_end(size) => Err(does_not_fit(kernel.end)),
        Ok(kernel) => Ok(kernel),
        // The crate says no more than that it could not read the image into
        // memory. Files are seldom cut short, and memories often small.
        Err(
            LoaderError::Bzimage(BzImageError::ReadBzImageCompressedKernel)
            | LoaderError::Elf(ElfError::ReadKernelImage),
        ) if HIGH_MEMORY.saturating_add(file_bytes) > low_end(size) => {
            Err(does_not_fit(HIGH_MEMORY.saturating_add(file_bytes)))
        }
        Err(error) => Err(BootError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        }),
    }
}

/// Which kind of file something is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    BzImage,
    Elf,
    /// What else, for a person.
    Other(&'static str),
}

/// Looks at the first bytes of a file.
fn kind(head: &[u8]) -> Kind {
    let at = |offset: usize, bytes: &[u8]| {
        head.get(offset..)
            .is_some_and(|rest| rest.starts_with(bytes))
    };
    if at(0x202, b"HdrS") {
        let flags = head.get(0x236..0x238).and_then(|two| two.try_into().ok());
        return if flags.is_some_and(|flags| u16::from_le_bytes(flags) & XLF_KERNEL_64 != 0) {
            Kind::BzImage
        } else {
            Kind::Other("a bzImage without a 64-bit entry: a kernel for 32 bits, or older than 3.8")
        };
    }
    if at(0, b"\x7fELF") {
        return if !at(4, &[2, 1]) {
            Kind::Other("an ELF file for 32 bits, or for another byte order")
        } else if !at(18, &[62, 0]) {
            Kind::Other("an ELF file for another processor")
        } else if at(16, &[1, 0]) {
            Kind::Other("an ELF object that is not linked")
        } else {
            Kind::Elf
        };
    }
    let others: [(usize, &[u8], &str); 8] = [
        (0, b"", "an empty file"),
        (0x38, b"ARM\x64", "a kernel for 64-bit Arm"),
        (0x38, b"RSC\x05", "a kernel for RISC-V"),
        (0, b"\x1f\x8b", "gzip data; unpack it"),
        (0, b"\xfd7zXZ", "xz data; unpack it"),
        (0, b"\x28\xb5\x2f\xfd", "zstd data; unpack it"),
        (0, b"MZ", "a program for EFI or Windows"),
        (0, b"07070", "an initrd (a cpio archive)"),
    ];
    let found = others
        .iter()
        .find(|(offset, magic, _)| {
            if magic.is_empty() {
                head.is_empty()
            } else {
                at(*offset, magic)
            }
        })
        .map_or("neither of the two", |(_, _, found)| found);
    Kind::Other(found)
}

fn bz_image(file: &mut File, guest: &GuestMemoryMmap) -> Result<Kernel, LoaderError> {
    let high_memory = Some(GuestAddress(HIGH_MEMORY));
    let loaded = BzImage::load(guest, None, file, high_memory)?;
    let header = loaded.setup_header.unwrap_or_default();
    let KernelLoaderResult {
        kernel_load,
        kernel_end,
        ..
    } = loaded;
    // It unpacks itself where it prefers to be, or where it was loaded.
    let unpacked_at = kernel_load.0.max(header.pref_address);
    let initrd_end = u64::from(header.initrd_addr_max).saturating_add(1);
    Ok(Kernel {
        entry: kernel_load.0.saturating_add(LONG_ENTRY),
        end: kernel_end.max(unpacked_at.saturating_add(header.init_size.into())),
        max_initrd_end: initrd_end.min(MAX_INITRD_END),
        max_command_line: usize::try_from(header.cmdline_size)
            .unwrap_or(MAX_COMMAND_LINE)
            .min(MAX_COMMAND_LINE),
        protocol: Protocol::Linux(Some(Box::new(header))),
    })
}

fn elf(file: &mut File, guest: &GuestMemoryMmap) -> Result<Kernel, LoaderError> {
    let high_memory = Some(GuestAddress(HIGH_MEMORY));
    let loaded = Elf::load(guest, None, file, high_memory)?;
    let (entry, protocol) = match loaded.pvh_boot_cap {
        PvhBootCapability::PvhEntryPresent(entry) => (entry, Protocol::Pvh),
        PvhBootCapability::PvhEntryNotPresent | PvhBootCapability::PvhEntryIgnored => {
            (loaded.kernel_load, Protocol::Linux(None))
        }
    };
    Ok(Kernel {
        entry: entry.0,
        end: loaded.kernel_end,
        max_initrd_end: MAX_INITRD_END,
        max_command_line: MAX_COMMAND_LINE,
        protocol,
    })
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
