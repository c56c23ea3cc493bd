//! The socket that front ends connect to.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

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
pub(super) struct Listener {
    inner: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`. What a program that crashed left there is removed.
    /// Must be called within a tokio runtime.
    pub(super) fn bind(path: &Path) -> Result<Self, SocketFault> {
        let fail = |cause| SocketFault::System {
            path: path.to_owned(),
            cause,
        };
        clear_stale(path)?;
        // Bound under another name and then renamed, so that the path is never
        // there without somebody listening.
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let early = PathBuf::from(name);
        let inner = UnixListener::bind(&early).map_err(fail)?;
        std::fs::rename(&early, path).map_err(|cause| {
            drop(std::fs::remove_file(&early));
            fail(cause)
        })?;
        Ok(Self {
            inner,
            path: path.to_owned(),
        })
    }

    /// Waits for the next front end. Safe to cancel.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
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
