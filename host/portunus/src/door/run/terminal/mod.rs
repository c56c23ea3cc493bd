//! The user's terminal as a guest's console: standard input and output.
//!
//! `raw_mode` gives every key to the guest, and takes that back however the
//! program ends; `keys` finds the user's own among them; `screen` is where the
//! guest writes.

mod keys;
mod raw_mode;
mod screen;

use std::io::{self, IsTerminal, Read};
use std::thread;
use std::time::Duration;

use portunus_device::config_space::ConsoleSize;
use rustix::termios::tcgetwinsize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use self::keys::Keys;
pub(crate) use self::raw_mode::RESTORE;
use self::raw_mode::RawMode;
pub(crate) use self::raw_mode::restore_terminal;
pub(super) use self::screen::Screen;

/// Bytes that are read at once: what a paste brings, in pieces.
const PIECE_BYTES: usize = 4096;

/// Pieces that wait for a guest that reads nothing. What a user types beyond is
/// lost, as on any terminal; a pipe waits.
const PIECES: usize = 64;

/// What a user can say of leaving: that, and at once.
const LEAVES: usize = 2;

/// How long the last words of a guest may take to the screen.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What happens to a terminal beside what is typed for the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The user leaves, by Ctrl-A X, or the terminal has hung up.
    Left,
    /// It has another size.
    Resized(ConsoleSize),
}

/// Standard input and output while a guest has them. Dropped, a terminal is as
/// it was.
pub(super) struct Terminal {
    screen: Screen,
    leave: mpsc::Receiver<()>,
    resized: Signal,
    hung_up: Signal,
    raw: Option<RawMode>,
}

/// What is typed for the guest, piece by piece, until standard input ends.
pub(super) type Typed = mpsc::Receiver<Vec<u8>>;

impl Terminal {
    /// Takes them from now on: every key goes to the guest, where standard input
    /// is a terminal. Must be called within a tokio runtime.
    pub(super) fn take() -> io::Result<(Self, Typed)> {
        let resized = signal(SignalKind::window_change())?;
        let hung_up = signal(SignalKind::hangup())?;
        let raw = match io::stdin().is_terminal() {
            true => Some(RawMode::enter()?),
            false => None,
        };
        let (tell, typed) = mpsc::channel(PIECES);
        let (tell_leave, leave) = mpsc::channel(LEAVES);
        let keyboard = Keyboard {
            keys: raw.is_some().then(Keys::default),
            tell,
            tell_leave,
        };
        // It waits in the system for the next key, and nobody waits for it.
        thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || keyboard.read())?;
        let terminal = Self {
            screen: Screen::start(io::stdout())?,
            leave,
            resized,
            hung_up,
            raw,
        };
        Ok((terminal, typed))
    }

    /// Whether this is a terminal, with a user at it.
    pub(super) fn is_interactive(&self) -> bool {
        self.raw.is_some()
    }

    /// Where the guest's words go.
    pub(super) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Waits until something happens to the terminal itself. Safe to cancel.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            tokio::select! {
                Some(()) = self.leave.recv() => return Event::Left,
                Some(()) = self.hung_up.recv() => return Event::Left,
                Some(()) = self.resized.recv() => if let Some(size) = size() {
                    return Event::Resized(size);
                },
                else => std::future::pending().await,
            }
        }
    }

    /// Gives them back: what the guest said last is on the screen, if that takes
    /// it within a second.
    pub(super) fn give_back(self) {
        self.screen.settle(LAST_WORDS);
    }
}

/// How large the terminal is, where standard output is one.
pub(super) fn size() -> Option<ConsoleSize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(ConsoleSize {
        columns: size.ws_col,
        rows: size.ws_row,
    })
}

/// The thread that reads standard input.
struct Keyboard {
    /// Where a user types.
    keys: Option<Keys>,
    tell: mpsc::Sender<Vec<u8>>,
    tell_leave: mpsc::Sender<()>,
}

impl Keyboard {
    /// Reads standard input to its end.
    fn read(mut self) {
        let mut piece = [0; PIECE_BYTES];
        loop {
            let read = match io::stdin().lock().read(&mut piece) {
                Ok(count @ 1..) => piece.get(..count).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The end, or an error that is one.
                Ok(0) | Err(_) => return,
            };
            match &mut self.keys {
                Some(keys) => {
                    let (bytes, leaves) = keys.take(read);
                    // Whoever types must always be able to leave.
                    let _lost = self.tell.try_send(bytes);
                    for _ in 0..leaves {
                        let _told_already = self.tell_leave.try_send(());
                    }
                }
                None => {
                    if self.tell.blocking_send(read.to_vec()).is_err() {
                        return;
                    }
                }
            }
        }
    }
}
