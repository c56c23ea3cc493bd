//! A terminal whose every key goes to the guest, and its way back.
//!
//! What a program has done to its terminal outlives it. So a small process of our
//! own, which no signal to us reaches, waits for our end and then puts the
//! terminal back, be that end a panic, a crash or SIGKILL.

use std::io::{self, BufRead, BufReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use rustix::termios::{OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr};
use vmm_sys_util::signal::block_signal;

use crate::command::THIS_PROGRAM;

/// What the program calls itself with, to put a terminal back.
pub(crate) const RESTORE: &str = "restore-terminal";

/// What the process says once it knows how the terminal is.
const READY: &str = "ready";

/// Standard input in raw mode. Dropped, it is as it was.
pub(super) struct RawMode {
    before: Termios,
    guard: Option<Guard>,
}

/// The process, and what tells it that we have ended.
struct Guard {
    child: Child,
    alive: PipeWriter,
}

impl RawMode {
    /// Gives every key to whoever reads standard input, which must be a
    /// terminal.
    pub(super) fn enter() -> io::Result<Self> {
        let guard = Guard::start();
        if let Err(error) = &guard {
            tracing::warn!(
                %error,
                "where this program is killed, the terminal stays raw: `reset` mends it"
            );
        }
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        // Lines of our log still begin at the left.
        raw.output_modes |= OutputModes::OPOST;
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self {
            before,
            guard: guard.ok(),
        })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _gone = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
        if let Some(Guard { mut child, alive }) = self.guard.take() {
            drop(alive);
            // It does the same once more, and not after we have ended.
            let _ended = child.wait();
        }
    }
}

impl Guard {
    /// Starts the process, which then knows how the terminal is now.
    fn start() -> io::Result<Self> {
        let (waits, alive) = io::pipe()?;
        let terminal = io::stdin().as_fd().try_clone_to_owned()?;
        let mut child = Command::new(THIS_PROGRAM)
            .arg(RESTORE)
            .stdin(waits)
            .stdout(terminal)
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let mut said = String::new();
        if let Some(told) = child.stderr.take() {
            BufReader::new(told).read_line(&mut said)?;
        }
        match said.trim_end() {
            READY => Ok(Self { child, alive }),
            other => {
                drop(alive);
                child.wait()?;
                Err(io::Error::other(other.to_owned()))
            }
        }
    }
}

/// What the process does: it waits for the end of standard input, and puts the
/// terminal that it has as standard output back to how it was. Answers its exit
/// status.
pub(crate) fn restore_terminal() -> u8 {
    match wait_and_restore() {
        Ok(()) => 0,
        Err(error) => {
            // Where nobody listens any more, nobody needs to know.
            let _unheard = writeln!(io::stderr(), "{error}");
            1
        }
    }
}

fn wait_and_restore() -> io::Result<()> {
    // A process that is not in front may set a terminal only so.
    block_signal(Signal::TTOU.as_raw()).map_err(|error| io::Error::other(error.to_string()))?;
    let before = tcgetattr(io::stdout())?;
    writeln!(io::stderr(), "{READY}")?;
    let mut nothing = [0; 1];
    while io::stdin().lock().read(&mut nothing)? > 0 {}
    tcsetattr(io::stdout(), OptionalActions::Now, &before)?;
    Ok(())
}
