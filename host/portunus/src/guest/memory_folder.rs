//! Where the guest's memory lies: User Mode Linux keeps it in a file, which must
//! be mappable with execute permission and is best in memory itself. Containers
//! often have a `/dev/shm` that is too small, or mounted `noexec`.

use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

/// No folder can take the guest's memory.
#[derive(Debug, thiserror::Error)]
#[error(
    "no folder can hold the guest's memory of {needed_mib} MiB: {}: \
     it takes one on a disk with that much room, and not mounted noexec; name it in TMPDIR",
    .tried.join(", ")
)]
pub struct NoMemoryFolder {
    needed_mib: u64,
    tried: Vec<String>,
}

/// What a folder's file system offers.
#[derive(Debug, Clone, Copy)]
struct Room {
    free_bytes: u64,
    executable: bool,
}

/// The first of `candidates` that can hold `needed_mib` MiB of guest memory.
pub(super) fn choose(needed_mib: u64, candidates: &[&Path]) -> Result<PathBuf, NoMemoryFolder> {
    choose_by(needed_mib, candidates, room_in)
}

fn choose_by(
    needed_mib: u64,
    candidates: &[&Path],
    room_in: impl Fn(&Path) -> Option<Room>,
) -> Result<PathBuf, NoMemoryFolder> {
    let needed_bytes = needed_mib.saturating_mul(1 << 20);
    let mut tried = Vec::new();
    for folder in candidates {
        let why = match room_in(folder) {
            None => "not there",
            Some(room) if !room.executable => "mounted noexec",
            Some(room) if room.free_bytes < needed_bytes => "too small",
            Some(_) => return Ok(folder.to_path_buf()),
        };
        tried.push(format!("{} is {why}", folder.display()));
    }
    Err(NoMemoryFolder { needed_mib, tried })
}

fn room_in(folder: &Path) -> Option<Room> {
    let found = statvfs(folder).ok()?;
    Some(Room {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        executable: !found.f_flag.contains(StatVfsMountFlags::NOEXEC),
    })
}

#[cfg(test)]
#[path = "memory_folder_tests.rs"]
mod tests;
