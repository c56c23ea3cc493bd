//! `portunus connect`: a terminal, or a pipe, to a port's socket.
//!
//! One thread reads the socket and one standard input, as both may wait for ever;
//! whichever comes to an end first tells the task that waits for them and for
//! signals. The end of standard input is told to the other side, whose last words
//! are still printed.

use std::io::{self, Read, Stdin, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::stop_signals::{StopSignal, StopSignals};

/// What leaves a raw terminal, as in `telnet` and `virsh console`: Ctrl-].
const LEAVE: u8 = 0x1d;

/// Bytes that are copied at once: a page or a few are all that a terminal and a
/// socket have at once.
const PIECE_BYTES: usize = 16 << 10;

/// Why the conversation did not come to a good end.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFault {
    /// Nobody can be talked to.
    #[error(
        "{}: cannot connect: {cause}; is `portunus serve` running with a port that listens there, \
         and may you write to the socket?", socket.display()
    )]
    Unreachable {
        /// Where.
        socket: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Raw mode needs a terminal.
    #[error("--raw is for a terminal, and standard input is none; leave it out")]
    NoTerminal,
    /// The connection broke.
    #[error(
        "the connection was lost: {0}; the port's plugin or its program ended it, and the log of \
         `portunus serve` may say why"
    )]
    Lost(io::Error),
    /// What was said cannot be printed.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// A signal ended it.
    #[error("stopped by {0}")]
    Stopped(StopSignal),
    /// The system gives no threads, no signals, or no terminal modes.
    #[error("cannot run: {0}")]
    System(#[from] io::Error),
}

/// How the conversation came to its end.
enum End {
    /// The other side has said all.
    Peer,
    /// It is gone.
    Lost(io::Error),
    /// Nobody reads what is printed, or it cannot be.
    Output(io::Error),
    /// The user leaves.
    Left,
}

/// Talks to whoever listens on a socket, until they have said all.
///
/// # Errors
///
/// [`ConnectFault`].
pub fn run(socket: &Path, raw: bool) -> Result<(), ConnectFault> {
    let stream = UnixStream::connect(socket).map_err(|cause| ConnectFault::Unreachable {
        socket: socket.to_owned(),
        cause,
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // The threads end with the process: they may wait for ever.
    runtime.block_on(converse(&stream, raw))
}

async fn converse(stream: &UnixStream, raw: bool) -> Result<(), ConnectFault> {
    let mut stop = StopSignals::new()?;
    // From here on a signal leaves the terminal as it was.
    let _raw = match raw {
        true => Some(RawTerminal::new()?),
        false => None,
    };
    let (tell, mut told) = unbounded_channel();
    let (from_peer, to_peer) = (stream.try_clone()?, stream.try_clone()?);
    let tell_also: UnboundedSender<End> = tell.clone();
    std::thread::Builder::new().spawn(move || {
        // Where nobody listens, it is over anyway.
        let _over = tell.send(print(from_peer));
    })?;
    std::thread::Builder::new().spawn(move || {
        if say(&to_peer, io::stdin(), raw) {
            let _over = tell_also.send(End::Left);
        }
    })?;
    tokio::select! {
        end = told.recv() => match end {
            Some(End::Peer | End::Left) | None => Ok(()),
            Some(End::Lost(error)) => Err(ConnectFault::Lost(error)),
            // A reader that has seen enough is no failure of ours.
            Some(End::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(End::Output(error)) => Err(ConnectFault::Output(error)),
        },
        signal = stop.next() => Err(ConnectFault::Stopped(signal)),
    }
}

/// Prints what the other side says, each piece at once.
fn print(mut peer: UnixStream) -> End {
    let mut piece = vec![0; PIECE_BYTES];
    let mut output = io::stdout();
    loop {
        let said = match peer.read(&mut piece) {
            Ok(0) => return End::Peer,
            Ok(count) => piece.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return End::Lost(error),
        };
        if let Err(error) = output.write_all(said).and_then(|()| output.flush()) {
            return End::Output(error);
        }
    }
}

/// Sends what is typed, or piped, and its end. True where the user leaves: what
/// the other side made of the rest is not waited for.
fn say(mut peer: &UnixStream, mut input: Stdin, raw: bool) -> bool {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let typed = match input.read(&mut piece) {
            Ok(count) => piece.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A terminal that is gone has said all.
            Err(_) => &[],
        };
        let left = typed.iter().position(|byte| raw && *byte == LEAVE);
        let (typed, ends) = match left {
            Some(at) => (typed.get(..at).unwrap_or_default(), true),
            None => (typed, typed.is_empty()),
        };
        // A peer that takes no more is told by what is read of it.
        let sent = peer.write_all(typed);
        if ends || sent.is_err() {
            drop(peer.shutdown(Shutdown::Write));
            return left.is_some();
        }
    }
}

/// A terminal that hands on every key, until this is dropped.
struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    fn new() -> Result<Self, ConnectFault> {
        let before = tcgetattr(io::stdin()).map_err(|_none| ConnectFault::NoTerminal)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw).map_err(io::Error::from)?;
        Ok(Self { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no modes.
        let _gone = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
    }
}
