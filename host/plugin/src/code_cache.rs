//! Compiled code that is kept, so that a component is compiled once on a
//! machine and not at every start.
//!
//! A cache never stands in the way: what it does not have, cannot read or cannot
//! keep is compiled. Any number of processes fill and use one at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::code::{CodeKey, MAX_CODE_BYTES, SealedCode};
use crate::private_folder::{Entry, FolderFault, PrivateFolder};

/// Bytes of all that is kept: some hundred plugins of Rust, or a dozen that
/// bring an interpreter. Past it, what was not used for longest goes.
pub const MAX_CACHE_BYTES: u64 = 512 << 20;

/// How long an unfinished file is left to its writer. Writing takes seconds.
const UNFINISHED_FOR: Duration = Duration::from_secs(3_600);

/// How the name of a kept file ends.
const KEPT: &str = ".code";

/// A folder of compiled code.
#[derive(Debug)]
pub struct CodeCache {
    folder: PrivateFolder,
    path: PathBuf,
    max_bytes: u64,
}

impl CodeCache {
    /// Uses this folder, and makes it where it is not there.
    ///
    /// # Errors
    ///
    /// Where it cannot be used, and where others can write in it: whoever can do
    /// that decides what runs here.
    pub fn open(folder: &Path) -> Result<Self, FolderFault> {
        let path = folder.to_owned();
        let folder = PrivateFolder::open(folder)?;
        Ok(Self {
            folder,
            path,
            max_bytes: MAX_CACHE_BYTES,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept under this key. What is damaged is not kept.
    pub(crate) fn get(&self, key: CodeKey) -> Option<SealedCode> {
        match self.folder.read(&name(key), MAX_CODE_BYTES) {
            Ok(bytes) => SealedCode::verify(key, bytes).or_else(|| {
                tracing::warn!(%key, "kept code is damaged: it is compiled again");
                None
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%key, %error, "kept code cannot be read: it is compiled again");
                None
            }
        }
    }

    /// Keeps code, in the place of what was there.
    pub(crate) fn put(&self, key: CodeKey, code: &SealedCode) {
        let kept = self
            .folder
            .write(&name(key), code.bytes())
            .and_then(|()| self.tidy());
        if let Err(error) = kept {
            tracing::warn!(%key, %error, "compiled code is not kept: the next start compiles again");
        }
    }

    /// Removes what is too much, and what a writer left that did not finish.
    fn tidy(&self) -> io::Result<()> {
        let (unfinished, rest): (Vec<_>, Vec<_>) = self
            .folder
            .entries()?
            .into_iter()
            .partition(Entry::is_unfinished);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        for entry in unfinished {
            let is_ours = is_of_a_key(&entry.name);
            if is_ours && now.saturating_sub(entry.used) > UNFINISHED_FOR {
                self.folder.remove(&entry.name)?;
            }
        }
        let mut kept: Vec<_> = rest
            .into_iter()
            .filter(|entry| is_of_a_key(&entry.name))
            .collect();
        kept.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        let mut total: u64 = 0;
        for entry in kept {
            total = total.saturating_add(entry.bytes);
            if total > self.max_bytes {
                self.folder.remove(&entry.name)?;
            }
        }
        Ok(())
    }
}

fn name(key: CodeKey) -> String {
    format!("{key}{KEPT}")
}

/// Whether a file is one of ours, whole or not: somebody may have put other files
/// beside them.
fn is_of_a_key(name: &str) -> bool {
    let key = name.split_once(KEPT).map_or("", |(key, _)| key);
    key.len() == CodeKey::DIGITS && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
#[path = "code_cache_tests.rs"]
mod tests;
