//! A Unix socket to listen on: its path comes and goes with us, and what a
//! crash left there is replaced.

use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
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
    /// Whoever these let.
    By {
        /// The permission bits.
        mode: u32,
        /// The owner's id, where it is not ours.
        owner: Option<u32>,
        /// The group's id, where it is not ours.
        group: Option<u32>,
    },
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
    _path: SocketPath,
}

impl Listener {
    /// Listens at `path`. What a program that crashed left there is removed.
    /// Must be called within a tokio runtime.
    pub(crate) fn bind(path: &Path, access: Access) -> Result<Self, SocketFault> {
        let (inner, path) = bind(path, access)?;
        Ok(Self { inner, _path: path })
    }

    /// Waits for the next client. Safe to cancel.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        self.inner.accept().await.map(|(stream, _)| stream)
    }
}

/// A path where a socket of ours is, which goes with this.
#[derive(Debug)]
pub struct SocketPath(PathBuf);

impl Drop for SocketPath {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the socket was not removed");
        }
    }
}

/// Listens at `path`, as [`Listener::bind`] does, for somebody who keeps the
/// socket and its path apart.
pub(crate) fn bind(path: &Path, access: Access) -> Result<(UnixListener, SocketPath), SocketFault> {
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
    Ok((inner, SocketPath(path.to_owned())))
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
        Access::Owner => permit(path, 0o600),
        Access::By { mode, owner, group } => {
            chown(path, owner, group).and_then(|()| permit(path, mode))
        }
    };
    begun
        .and_then(|()| socket.listen(BACKLOG))
        .inspect_err(|_| drop(std::fs::remove_file(path)))
}

fn permit(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
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
