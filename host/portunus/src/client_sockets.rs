//! The sockets where host programs become clients of ports: made here, or passed
//! in by a service manager.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixListener as BlockingListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use tokio::net::UnixListener;

use crate::config::{Diagnostic, FdName, ListenSpec};
use crate::listener::{Access, SocketPath, bind};
use crate::session::Listen;

/// What a service manager that gives no name calls a socket
/// (`sd_listen_fds_with_names(3)`).
const UNNAMED: &str = "unknown";

/// Listening sockets that this process was started with, by name
/// (`LISTEN_FDS`, `LISTEN_FDNAMES`).
#[derive(Debug, Default)]
pub struct PassedSockets(BTreeMap<String, Vec<BlockingListener>>);

impl PassedSockets {
    /// Takes them out of the environment, once: while there is one thread.
    ///
    /// # Errors
    ///
    /// What was passed in is something else.
    pub fn take() -> io::Result<Self> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = ListenFd::from_env();
        let mut sockets: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for index in 0..passed.len() {
            let name = names.next().filter(|name| !name.is_empty());
            let name = name.unwrap_or(UNNAMED);
            if let Some(socket) = passed.take_unix_listener(index)? {
                sockets.entry(name.to_owned()).or_default().push(socket);
            }
        }
        Ok(Self(sockets))
    }

    /// Takes the socket of this name: the last, where there are several.
    fn named(&mut self, name: &FdName) -> Option<BlockingListener> {
        let sockets = self.0.get_mut(name.as_str())?;
        let socket = sockets.pop();
        self.0.retain(|_, sockets| !sockets.is_empty());
        socket
    }

    /// Says which were passed in and are no port's.
    pub fn tell_unused(&self) {
        for name in self.names() {
            tracing::warn!(name, "a socket that was passed in is no port's");
        }
    }

    /// The names of those that are left.
    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// Makes, or takes, a port's socket. Its path, where it was made, goes with
/// what is returned beside it. Must be called within a tokio runtime.
///
/// # Errors
///
/// Why there is none.
pub fn listen(
    spec: &ListenSpec,
    passed: &mut PassedSockets,
) -> Result<(Listen, Option<SocketPath>), Diagnostic> {
    let fail = |what: String, help: &str| {
        Diagnostic::new(what)
            .at(spec.place, "clients were to connect here")
            .help(help)
    };
    let (socket, path) = match (&spec.path, &spec.fd) {
        (Some(path), _) => {
            let access = Access::By {
                mode: spec.mode.bits(),
                owner: spec.owner.map(|owner| owner.0),
                group: spec.group.map(|group| group.0),
            };
            let (socket, path) = bind(&path.value, access).map_err(|fault| {
                let sentence = fault.to_string();
                let (what, help) = sentence.split_once("; ").unwrap_or((&sentence, MAY));
                fail(what.to_owned(), help)
            })?;
            (socket, Some(path))
        }
        (None, Some(name)) => {
            let Some(socket) = passed.named(&name.value) else {
                let what = format!("no socket of the name `{}` was passed in", name.value);
                return Err(fail(what, &not_passed(passed)));
            };
            let socket = listening(socket).map_err(|error| {
                let what = format!("the socket `{}` is of no use: {error}", name.value);
                fail(
                    what,
                    "pass in a socket that listens: `Accept=no` in its unit",
                )
            })?;
            (socket, None)
        }
        (None, None) => return Err(fail("no socket is named".to_owned(), "name one")),
    };
    let listen = Listen {
        socket,
        clients: spec.clients.0,
        buffer_bytes: spec.buffer.bytes(),
    };
    Ok((listen, path))
}

/// A socket that was passed in, where clients can be accepted.
fn listening(socket: BlockingListener) -> io::Result<UnixListener> {
    if !socket_acceptconn(&socket)? {
        return Err(io::Error::other("it does not listen"));
    }
    socket.set_nonblocking(true)?;
    UnixListener::from_std(socket)
}

/// What to do where the system makes no socket.
const MAY: &str = "check that you may write there, and give it to this owner and group";

fn not_passed(passed: &PassedSockets) -> String {
    let names = passed.names();
    match names.is_empty() {
        true => "start the program by a socket unit, or by systemd-socket-activate --fdname".into(),
        false => format!("what was passed in has the names `{}`", names.join("`, `")),
    }
}

#[cfg(test)]
#[path = "client_sockets_tests.rs"]
mod tests;
