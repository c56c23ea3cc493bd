//! A Unix socket to listen on: its path comes and goes with us, and what a
//! crash left there is replaced.

use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// The longest path of a Unix socket, in bytes: `sun_path` of `unix(7)` has
/// 108, the last of which is zero.
pub const MAX_PATH_BYTES: usize = 107;

/// Connections that wait to be accepted: as the standard library has it.
const BACKLOG: u32 = 128;

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whoever the process's umask lets.
    Umask,
    /// The user that we run as, alone.
    Owner,
}

/// Why there is no socket: the host's fault.
#[derive(Debug, thiserror::Error)]
pub enum SocketFault {
    /// Somebody answers there.
    #[error("{}: another program listens on this socket; stop it or name another path", .0.display())]
    InUse(PathBuf),
    /// Something else is there.
    #[error("{}: this exists and is not a socket; remove it or name another path", .0.display())]
    NotASocket(PathBuf),
    /// The system says no.
    #[error("{}: no socket can be made here: {cause}", path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// A listening socket whose path is there from the moment that it is ready to
/// the moment that it goes.
#[derive(Debug)]
pub(crate) struct Listener {
    inner: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`. What a program that crashed left there is removed.
    /// Must be called within a tokio runtime.
    pub(crate) fn bind(path: &Path, access: Access) -> Result<Self, SocketFault> {
        let fail = |cause| SocketFault::System {
            path: path.to_owned(),
            cause,
        };
        clear_stale(path)?;
        let early = early_name(path);
        let inner = listen(&early, access).map_err(fail)?;
        std::fs::rename(&early, path).map_err(|cause| {
            drop(std::fs::remove_file(&early));
            fail(cause)
        })?;
        Ok(Self {
            inner,
            path: path.to_owned(),
        })
    }

    /// Waits for the next client. Safe to cancel.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        self.inner.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket was not removed");
        }
    }
}

/// The name that a socket is bound under until it listens and is renamed, so
/// that its path is never there without somebody listening. Where that name is
/// too long for a socket, the path itself.
fn early_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    if name.as_bytes().len() > MAX_PATH_BYTES {
        return path.to_owned();
    }
    PathBuf::from(name)
}

/// Listens at a path where nothing is. Nobody can connect before the
/// permissions are set.
fn listen(path: &Path, access: Access) -> io::Result<UnixListener> {
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let begun = match access {
        Access::Umask => Ok(()),
        Access::Owner => std::fs::set_permissions(path, Permissions::from_mode(0o600)),
    };
    begun
        .and_then(|()| socket.listen(BACKLOG))
        .inspect_err(|_| drop(std::fs::remove_file(path)))
}

fn clear_stale(path: &Path) -> Result<(), SocketFault> {
    let fail = |cause| SocketFault::System {
        path: path.to_owned(),
        cause,
    };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(fail(error)),
        Ok(there) if !there.file_type().is_socket() => {
            Err(SocketFault::NotASocket(path.to_owned()))
        }
        Ok(_) if BlockingStream::connect(path).is_ok() => Err(SocketFault::InUse(path.to_owned())),
        Ok(_) => std::fs::remove_file(path).map_err(fail),
    }
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
