//! The initial ramdisk: at the end of the memory that a kernel reaches early, so
//! that the kernel has all room behind itself.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::BootError;
use super::kernel::Kernel;
use crate::layout::{MIB, PAGE_BYTES};
use crate::memory::low_end;
use crate::spec::MemorySize;

/// Loads it behind `kernel`. Answers where it is.
pub(super) fn load(
    path: &Path,
    kernel: &Kernel,
    size: MemorySize,
    guest: &GuestMemoryMmap,
) -> Result<Range<u64>, BootError> {
    let unreadable = BootError::unreadable("initrd", path);
    let mut file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let free = kernel.end..low_end(size).min(kernel.max_initrd_end);
    let place = place(bytes, &free).ok_or_else(|| BootError::InitrdDoesNotFit {
        path: path.to_owned(),
        initrd_mib: bytes.div_ceil(MIB),
        free_mib: free.end.saturating_sub(free.start) / MIB,
    })?;
    let count = usize::try_from(bytes).unwrap_or(usize::MAX);
    guest
        .read_exact_volatile_from(GuestAddress(place.start), &mut file, count)
        .map_err(|error| unreadable(std::io::Error::other(error.to_string())))?;
    Ok(place)
}

/// Where so many bytes go: on the last page boundary where they fit.
fn place(bytes: u64, free: &Range<u64>) -> Option<Range<u64>> {
    let highest = free.end.checked_sub(bytes)?;
    let start = highest.checked_sub(highest.checked_rem(PAGE_BYTES)?)?;
    let end = start.checked_add(bytes)?;
    (start >= free.start).then_some(start..end)
}

#[cfg(test)]
#[path = "initrd_tests.rs"]
mod tests;
