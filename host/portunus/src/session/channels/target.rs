//! Connections that a plugin has begun: to targets that its port's table grants.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use portunus_plugin::CloseReason;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::link::Link;

/// How long a connection may take to come about: what is on this host or near
/// answers within milliseconds, and a plugin waits for the outcome.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Where a plugin may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The plugin's word for it.
    pub name: String,
    /// Where it is.
    pub address: Address,
}

/// The address of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket that somebody listens on.
    Unix(PathBuf),
    /// A TCP port.
    Tcp(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
            Self::Tcp(address) => write!(out, "tcp:{address}"),
        }
    }
}

/// A connection that has been begun.
pub(super) struct Attempt {
    target: String,
    state: State,
}

enum State {
    Under(Pin<Box<dyn Future<Output = io::Result<Link>> + Send>>),
    /// It did not come to be, and its plugin is to be told why.
    Over(CloseReason),
}

impl Attempt {
    /// Begins nothing before it is polled.
    pub(super) fn new(target: &Target) -> Self {
        Self {
            target: target.name.clone(),
            state: State::Under(Box::pin(connect(target.address.clone()))),
        }
    }

    /// The plugin's word for where it leads.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The plugin wants it no more.
    pub(super) fn close(&mut self) {
        self.state = State::Over(CloseReason::Closed);
    }

    /// The connection, once it is there. `None` where it will not be, and
    /// [`over`](Self::over) says why.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Link>> {
        let State::Under(attempt) = &mut self.state else {
            return Poll::Ready(None);
        };
        match attempt.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(link)) => Poll::Ready(Some(link)),
            Poll::Ready(Err(error)) => {
                self.state = State::Over(CloseReason::Refused(error.to_string()));
                Poll::Ready(None)
            }
        }
    }

    /// Why it did not come to be.
    pub(super) fn over(&self) -> Option<&CloseReason> {
        match &self.state {
            State::Under(_) => None,
            State::Over(why) => Some(why),
        }
    }
}

async fn connect(address: Address) -> io::Result<Link> {
    let connected = async {
        match &address {
            Address::Unix(path) => UnixStream::connect(path).await.map(Link::Unix),
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // What a plugin sends is sent: it has no way to flush.
                stream.set_nodelay(true)?;
                Ok(Link::Tcp(stream))
            }
        }
    };
    timeout(CONNECT_TIME, connected)
        .await
        .unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()))
}
