//! A file system in memory with as much room as a test gives it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use crate::files::{Appended, Files};

/// Files that a test sees too: a clone is the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct FullDisk(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// Bytes that fit yet; `None` for no bound.
    room: Option<usize>,
    /// Renames that work yet; `None` for no bound.
    renames: Option<usize>,
    synced: BTreeMap<String, usize>,
}

impl FullDisk {
    pub(crate) fn make_room(&self, bytes: usize) {
        self.0.borrow_mut().room = Some(bytes);
    }

    pub(crate) fn allow_renames(&self, count: usize) {
        self.0.borrow_mut().renames = Some(count);
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        self.0.borrow_mut().files.insert(path.into(), text.into());
    }

    pub(crate) fn remove(&self, path: &str) -> Option<String> {
        let bytes = self.0.borrow_mut().files.remove(path)?;
        Some(String::from_utf8(bytes).unwrap())
    }

    pub(crate) fn text(&self, path: &str) -> String {
        let state = self.0.borrow();
        let bytes = state.files.get(path).cloned().unwrap_or_default();
        String::from_utf8(bytes).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.borrow().files.keys().cloned().collect()
    }

    /// Whether all of the file's bytes are on the disk.
    pub(crate) fn is_synced(&self, path: &str) -> bool {
        let state = self.0.borrow();
        state.files.get(path).map(Vec::len) == state.synced.get(path).copied()
    }
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl Files for FullDisk {
    fn length(&self, path: &str) -> io::Result<u64> {
        Ok(self.text(path).len() as u64)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(self.0.borrow().files.contains_key(path))
    }

    fn last_byte(&self, path: &str) -> io::Result<Option<u8>> {
        Ok(self.text(path).bytes().last())
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Appended {
        let mut state = self.0.borrow_mut();
        let taken = state.room.unwrap_or(bytes.len()).min(bytes.len());
        state.room = state.room.map(|room| room.saturating_sub(taken));
        state
            .files
            .entry(path.into())
            .or_default()
            .extend(&bytes[..taken]);
        let result = if taken == bytes.len() {
            Ok(())
        } else {
            Err(full())
        };
        Appended {
            bytes: taken,
            result,
        }
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let file = state.files.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
        file.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        let length = self.text(path).len();
        self.0.borrow_mut().synced.insert(path.into(), length);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        if let Some(renames) = &mut state.renames {
            *renames = renames
                .checked_sub(1)
                .ok_or(io::ErrorKind::PermissionDenied)?;
        }
        let file = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.into(), file);
        let synced = state.synced.remove(from);
        state
            .synced
            .extend(synced.map(|length| (to.to_owned(), length)));
        Ok(())
    }
}
