//! A connection to a host program, as a session uses it: nothing here waits.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// A connection.
#[derive(Debug)]
pub(super) enum Link {
    Unix(UnixStream),
}

impl Link {
    /// Reads what is there; 0 is the end of the stream.
    pub(super) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.try_read(into),
        }
    }

    /// Writes as much as fits now.
    pub(super) fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        let send =
            || send(self, data, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).map_err(io::Error::from);
        match send() {
            // Full: now there is a change to wait for.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.while_writable(send),
            done => done,
        }
    }

    /// Whether a read may answer something now; the task is woken when it may.
    pub(super) fn is_readable(&self, context: &mut Context<'_>) -> bool {
        // An error is the read's to tell.
        match self {
            Self::Unix(stream) => stream.poll_read_ready(context),
        }
        .is_ready()
    }

    /// Whether a write may take something now; the task is woken when it may.
    pub(super) fn is_writable(&self, context: &mut Context<'_>) -> bool {
        match self {
            Self::Unix(stream) => stream.poll_write_ready(context),
        }
        .is_ready()
    }

    /// Says that no more will be written. An error says that the peer is gone
    /// already, as reading will.
    pub(super) fn finish(&self) {
        let _gone = shutdown(self, Shutdown::Write);
    }

    /// Whether the peer has gone altogether, and did not just end what it sends.
    pub(super) fn is_gone(&self) -> bool {
        self.while_writable(|| match hung_up(self.as_fd()) {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        })
        .is_ok()
    }

    /// Does something where the runtime knows of a change since this last said
    /// that it would block. That forgets the change, whatever could be written
    /// still: so [`try_write`](Self::try_write) asks the system first.
    fn while_writable<T>(&self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            Self::Unix(stream) => stream.try_io(Interest::WRITABLE, act),
        }
    }

    /// Whether the peer has gone altogether; the task is woken when it has.
    pub(super) fn poll_gone(&self, context: &mut Context<'_>) -> Poll<()> {
        while self.is_writable(context) {
            if self.is_gone() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

fn hung_up(connection: BorrowedFd<'_>) -> bool {
    let mut looked_at = [PollFd::from_borrowed_fd(connection, PollFlags::empty())];
    let now = Timespec::default();
    let ended = PollFlags::HUP | PollFlags::ERR;
    match poll(&mut looked_at, Some(&now)) {
        Ok(0) | Err(_) => false,
        Ok(_) => looked_at.iter().any(|fd| fd.revents().intersects(ended)),
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
