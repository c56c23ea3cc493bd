//! The real guest, for tests: one root folder for all of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portunus::guest::{GuestRoot, Progress, RootError, Software, default_folder};

/// The longest that anything takes in a guest on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The root folder of all test guests: made by the first test that asks.
///
/// # Errors
///
/// Where it cannot be made; the error says what to do.
pub fn root() -> Result<GuestRoot, RootError> {
    GuestRoot::prepare(&folder()?, &mut tell)
}

/// The root folder of test guests that need further software.
///
/// # Errors
///
/// As [`root`].
pub fn root_with(software: Software<'_>) -> Result<GuestRoot, RootError> {
    GuestRoot::prepare_with(&folder()?, Some(software), &mut tell)
}

/// Where all that test guests are made of is kept.
///
/// # Errors
///
/// Where the environment names no folder.
pub fn folder() -> Result<PathBuf, RootError> {
    match std::env::var_os("PORTUNUS_GUEST_DIR") {
        Some(_) => default_folder(),
        None => Ok(project().join("target/guest")),
    }
}

/// Says what is being prepared: it takes a while, once.
pub fn tell(step: &Progress) {
    eprintln!("guest: {step}");
}

/// The project's folder.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// How many processes work in `folder`: all of a guest's do, in its own.
///
/// # Errors
///
/// Where the system does not tell.
pub fn processes_in(folder: &Path) -> io::Result<usize> {
    let works_there = |process: &fs::DirEntry| {
        fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    };
    Ok(fs::read_dir("/proc")?.flatten().filter(works_there).count())
}
