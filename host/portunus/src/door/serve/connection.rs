//! One front end's connection: its messages, from the first to the last.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::net::{RecvFlags, recv};
use vhost::vhost_user::{BackendReqHandler, Error};

use super::frames::{Frame, FrameFault};
use super::front_end::FrontEnd;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionEnd {
    /// The connection itself ended or failed.
    #[error(transparent)]
    Frame(#[from] FrameFault),
    /// The front end sent what the protocol does not have.
    #[error("the front end's message is refused, and its connection closed: {0}")]
    Protocol(Error),
}

/// Serves one front end until it leaves. Blocks: it has a thread of its own.
pub(super) fn converse(stream: &UnixStream, front_end: FrontEnd) -> ConnectionEnd {
    let front_end = Arc::new(Mutex::new(front_end));
    let end = messages(stream, &front_end);
    front_end
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .leave();
    match end {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

fn messages(
    stream: &UnixStream,
    front_end: &Arc<Mutex<FrontEnd>>,
) -> Result<std::convert::Infallible, ConnectionEnd> {
    let (inner, outer) = UnixStream::pair().map_err(FrameFault::Io)?;
    let mut handler = BackendReqHandler::from_stream(inner, Arc::clone(front_end));
    loop {
        Frame::receive(stream)?.send(&outer)?;
        let outcome = handler.handle_request();
        forward_answers(&outer, stream).map_err(FrameFault::Io)?;
        match outcome {
            Ok(()) => {}
            // One of our own answers: the front end has been told, where it
            // asked to be, and may go on.
            Err(Error::ReqHandlerError(fault)) => front_end
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .tell_refusal(&fault),
            Err(fault) => return Err(ConnectionEnd::Protocol(fault)),
        }
    }
}

/// Hands on what the crate has answered.
fn forward_answers(outer: &UnixStream, mut stream: &UnixStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match recv(outer, &mut buffer, RecvFlags::DONTWAIT) {
            Ok((count, _)) => stream.write_all(buffer.get(..count).unwrap_or_default())?,
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
