//! Where a demonstration keeps its files: all of them in a temporary folder, or
//! those worth keeping in a folder that the user names.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The configuration, below the folder of what may be kept.
pub(super) const CONFIG_FILE: &str = "demo.toml";

/// The log plugin's file, likewise. The configuration names its parts.
pub(super) const LOG_FILE: &str = "logs/guest.log";

/// What is read of the log: the guest writes one line.
const LOG_LIMIT_BYTES: u64 = 64 * 1024;

/// Why there is no place for the files.
#[derive(Debug, thiserror::Error)]
pub enum PlaceFault {
    /// What is there already would be mixed with ours.
    #[error("--keep {}: this is not empty; name a new or an empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// The system says no.
    #[error("{}: {cause}: check that there is room, and that it can be written", path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// The folders of one run. Dropped, what is temporary is deleted.
#[derive(Debug)]
pub(super) struct Place {
    temporary: TempDir,
    kept: Option<PathBuf>,
}

impl Place {
    /// Makes the folders, and writes the configuration. What is to be kept lies
    /// in `keep`.
    pub(super) fn new(keep: Option<&Path>, config: &str) -> Result<Self, PlaceFault> {
        if let Some(folder) = keep {
            at(folder, fs::create_dir_all(folder))?;
            if at(folder, fs::read_dir(folder))?.next().is_some() {
                return Err(PlaceFault::NotEmpty(folder.to_owned()));
            }
        }
        let temporary = tempfile::Builder::new().prefix("portunus-demo-").tempdir();
        let place = Self {
            temporary: at(&std::env::temp_dir(), temporary)?,
            kept: keep.map(Path::to_owned),
        };
        if let Some(logs) = place.log().parent() {
            at(logs, fs::create_dir(logs))?;
        }
        at(&place.config(), fs::write(place.config(), config))?;
        Ok(place)
    }

    /// The configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.files().join(CONFIG_FILE)
    }

    /// The device's socket. Never kept, and its path is short, as the system
    /// wants it.
    pub(super) fn socket(&self) -> PathBuf {
        self.temporary.path().join("vm.sock")
    }

    /// Where a machine of our own finds what it boots. Never kept.
    pub(super) fn machine(&self) -> PathBuf {
        self.temporary.path().join("machine")
    }

    fn files(&self) -> &Path {
        self.kept.as_deref().unwrap_or(self.temporary.path())
    }

    /// The log plugin's file.
    pub(super) fn log(&self) -> PathBuf {
        self.files().join(LOG_FILE)
    }
}

/// What the log plugin has written: nothing, where it made no file.
pub(super) fn read_log(path: &Path) -> Result<String, PlaceFault> {
    let file = match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        opened => at(path, opened)?,
    };
    let mut bytes = Vec::new();
    at(path, file.take(LOG_LIMIT_BYTES).read_to_end(&mut bytes))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, PlaceFault> {
    done.map_err(|cause| PlaceFault::System {
        path: path.to_owned(),
        cause,
    })
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
