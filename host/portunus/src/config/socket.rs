//! The path of a Unix socket that is to be made: whether it can be.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::diagnose::Diagnostic;
use super::source::Located;
use crate::listener::MAX_PATH_BYTES;

/// What keeps a socket from being made at a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {help}")]
pub struct SocketPathFault {
    what: String,
    /// A few words beside the path.
    label: &'static str,
    /// What to do.
    help: String,
}

/// What keeps a socket from being made at this path, if anything does. A socket
/// that is there already does not: it is what a crash left behind, or the
/// program's that runs with this configuration now.
pub(crate) fn path_fault(path: &Path) -> Option<SocketPathFault> {
    let (what, label, help) = too_long(path)
        .or_else(|| no_directory(path))
        .or_else(|| in_the_way(path))?;
    Some(SocketPathFault { what, label, help })
}

/// The same of a path that the configuration names.
pub(crate) fn fault(socket: &Located<PathBuf>) -> Option<Diagnostic> {
    let SocketPathFault { what, label, help } = path_fault(socket)?;
    Some(Diagnostic::new(what).at(socket.span, label).help(help))
}

/// What is wrong, in a few words beside the path, and what to do.
type Told = (String, &'static str, String);

fn too_long(path: &Path) -> Option<Told> {
    let bytes = path.as_os_str().as_bytes().len();
    (bytes > MAX_PATH_BYTES).then(|| {
        (
            format!("the socket's path has {bytes} bytes"),
            "too long",
            format!("write at most {MAX_PATH_BYTES} bytes: no Unix socket has a longer path"),
        )
    })
}

fn no_directory(path: &Path) -> Option<Told> {
    let directory = match path.parent()? {
        here if here.as_os_str().is_empty() => Path::new("."),
        above => above,
    };
    let shown = directory.display();
    match directory.metadata() {
        Ok(metadata) if metadata.is_dir() => None,
        Ok(_) => Some((
            format!("`{shown}` is no directory"),
            "no socket can be made there",
            "name a directory that is there".to_owned(),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some((
            format!("the directory `{shown}` does not exist"),
            "the socket's directory is not there",
            format!("create it: mkdir -p '{shown}'"),
        )),
        Err(error) => Some((
            format!("the directory `{shown}` cannot be looked at: {error}"),
            "not accessible",
            "check that you may enter the directories above it".to_owned(),
        )),
    }
}

fn in_the_way(path: &Path) -> Option<Told> {
    let there = path.symlink_metadata().ok()?;
    (!there.file_type().is_socket()).then(|| {
        (
            format!("`{}` exists and is not a socket", path.display()),
            "something else is there",
            "remove it, or name another path".to_owned(),
        )
    })
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
