//! Where the program keeps, for its user, what it can make again: compiled code,
//! the packages of a guest.

use std::path::PathBuf;

/// The program's cache folder: `PORTUNUS_CACHE_DIR`, else `portunus` in the
/// user's own. `None` where the environment names neither that nor a home.
pub fn cache_folder() -> Option<PathBuf> {
    folder_by(variable)
}

/// The folder that this variable names, else the one of this name in the cache
/// folder.
pub(crate) fn named_or_within(named: &str, name: &str) -> Option<PathBuf> {
    variable(named).or_else(|| cache_folder().map(|cache| cache.join(name)))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn folder_by(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let users = || {
        variable("XDG_CACHE_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".cache")))
            .map(|cache| cache.join("portunus"))
    };
    variable("PORTUNUS_CACHE_DIR").or_else(users)
}

#[cfg(test)]
#[path = "cache_folder_tests.rs"]
mod tests;
