//! A granted directory as a plugin lists it: a piece is read when the plugin asks
//! for an entry that was not read yet.
//!
//! It stands in for WASI's own listing, which holds every entry from the first call
//! on: a plugin that may write could have the host hold as many as its disk has
//! room for. What the host holds here is bounded by the limit `resources`.

use std::collections::VecDeque;
use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, openat, statat};
use rustix::io::Errno;
use tokio::task::spawn_blocking;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};

use crate::state::State;

/// Bytes of entries, as the kernel has them, that are read at once. 8 KiB: the
/// longest name takes 280, and some three hundred short ones cost one call.
const PIECE_BYTES: usize = 8 << 10;

/// Where one listing of a directory stands.
pub(crate) struct Listing {
    directory: Arc<OwnedFd>,
    /// Entries that were read and not asked for yet: of one piece at most.
    ahead: VecDeque<Result<DirectoryEntry, ErrorCode>>,
}

/// Puts listings in the place of those of `wasi:filesystem/types`.
pub(crate) fn add_to(types: &mut LinkerInstance<'_, State>) -> Result<()> {
    types.resource(
        "directory-entry-stream",
        ResourceType::host::<Listing>(),
        |mut caller: StoreContextMut<'_, State>, listing| {
            let table = caller.data_mut().ctx().table;
            table.delete(Resource::<Listing>::new_own(listing))?;
            Ok(())
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut caller: StoreContextMut<'_, State>, (descriptor,): (Resource<Descriptor>,)| {
            Box::new(async move {
                let table = caller.data_mut().ctx().table;
                let directory = match table.get(&descriptor)? {
                    Descriptor::Dir(opened) => Arc::clone(&opened.dir),
                    Descriptor::File(_) => return Ok((Err(ErrorCode::NotDirectory),)),
                };
                Ok((match spawn_blocking(move || open(&directory)).await? {
                    Ok(listing) => Ok(table.push(listing)?),
                    Err(error) => Err(error.into()),
                },))
            })
        },
    )?;
    types.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut caller: StoreContextMut<'_, State>, (listing,): (Resource<Listing>,)| {
            Box::new(async move {
                let listing = caller.data_mut().ctx().table.get_mut(&listing)?;
                Ok((listing.next().await?,))
            })
        },
    )
}

/// Begins to list a directory, at a place of its own in it.
fn open(directory: &std::fs::File) -> io::Result<Listing> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(Listing {
        directory: Arc::new(openat(directory, c".", flags, Mode::empty())?),
        ahead: VecDeque::new(),
    })
}

impl Listing {
    /// The next entry. The outer error is the host's.
    async fn next(&mut self) -> Result<Result<Option<DirectoryEntry>, ErrorCode>> {
        if self.ahead.is_empty() {
            let directory = Arc::clone(&self.directory);
            match spawn_blocking(move || read_piece(&directory)).await? {
                Ok(piece) => self.ahead = piece,
                Err(error) => return Ok(Err(error.into())),
            }
        }
        Ok(self.ahead.pop_front().transpose())
    }
}

/// Reads what comes next of a directory: nothing only at its end.
fn read_piece(directory: &OwnedFd) -> io::Result<VecDeque<Result<DirectoryEntry, ErrorCode>>> {
    let mut buffer = Vec::with_capacity(PIECE_BYTES);
    let mut raw = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut piece = VecDeque::new();
    while let Some(entry) = raw.next() {
        match entry {
            Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
            Ok(entry) => {
                piece.push_back(named(directory, entry.file_name(), entry.file_type()));
            }
            Err(Errno::INTR) => continue,
            // The directory was removed while it was listed.
            Err(Errno::NOENT) => break,
            Err(error) => return Err(error.into()),
        }
        if raw.is_buffer_empty() && !piece.is_empty() {
            break;
        }
    }
    Ok(piece)
}

/// An entry as WASI has it. Not every file system tells an entry's type with it.
fn named(directory: &OwnedFd, name: &CStr, told: FileType) -> Result<DirectoryEntry, ErrorCode> {
    let file_type = match told {
        FileType::Unknown => statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_or(FileType::Unknown, |stat| {
                FileType::from_raw_mode(stat.st_mode)
            }),
        told => told,
    };
    let type_ = match file_type {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::Fifo | FileType::Socket | FileType::Unknown => DescriptorType::Unknown,
    };
    let name = name.to_str().map_err(|_| ErrorCode::IllegalByteSequence)?;
    Ok(DirectoryEntry {
        type_,
        name: name.to_owned(),
    })
}
