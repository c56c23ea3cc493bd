//! What a demonstration tells while it goes on.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::choice::Choice;
use super::place::{CONFIG_FILE, LOG_FILE};
use super::word::Word;
use crate::escape::{self, Escaped};
use crate::guest::Progress;

/// A step, told as it happens. Shown with `Display`, with nothing raw that the
/// guest chose.
#[derive(Clone, Debug)]
pub enum Step {
    /// Which guest there will be, why, and where its files are.
    Guest(Choice, PathBuf),
    /// The guest's files are being made.
    Preparing(Progress),
    /// What the ports do.
    Configuration(&'static str),
    /// The device is there, at this socket.
    Serving(PathBuf),
    /// The guest starts.
    Booting,
    /// The guest runs: what its `uname` says.
    Kernel(String),
    /// The ports that the guest has.
    Ports(String),
    /// The word of this run, which the host types on the guest's console.
    Word(Word),
    /// A line that the guest writes to a port.
    Wrote(String),
    /// The line that comes back.
    CameBack(String),
    /// The line that the log plugin has kept.
    Logged(String),
    /// What is left for the user to look at.
    Kept(PathBuf),
    /// All was as it should be, after this time.
    Done(Duration),
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest(choice, folder) => write!(
                out,
                "host  | {choice}\n\
                 host  | its files are Debian's packages, unpacked in {}; \
                 nothing is installed on the system",
                folder.display()
            ),
            Self::Preparing(progress) => write!(out, "host  | {progress}"),
            Self::Configuration(text) => {
                write!(out, "host  | the configuration, {CONFIG_FILE}:")?;
                text.lines().try_for_each(|line| {
                    let gap = if line.is_empty() { "" } else { "   " };
                    write!(out, "\nhost  |{gap}{}", escape::lines(line))
                })
            }
            Self::Serving(socket) => write!(
                out,
                "host  | the device is served over vhost-user at {}",
                socket.display()
            ),
            Self::Booting => out.write_str("host  | the guest boots"),
            Self::Kernel(uname) => write!(out, "guest | {}", Escaped::new(uname)),
            Self::Ports(names) => {
                write!(out, "guest | in /dev/virtio-ports: {}", Escaped::new(names))
            }
            Self::Word(word) => write!(
                out,
                "host  | types this run's random word on the guest's console: {word}"
            ),
            Self::Wrote(line) => {
                write!(out, "guest | writes to both ports: {}", Escaped::new(line))
            }
            Self::CameBack(line) => write!(
                out,
                "guest | reads what the echo plugin sent: {}",
                Escaped::new(line)
            ),
            Self::Logged(line) => write!(
                out,
                "host  | {LOG_FILE} has: {line}",
                line = Escaped::new(line)
            ),
            Self::Kept(folder) => write!(
                out,
                "host  | {CONFIG_FILE} and {LOG_FILE} are in {}",
                folder.display()
            ),
            Self::Done(time) => write!(
                out,
                "host  | console, reply and log file show the same word: it works, in {:.1} s",
                time.as_secs_f32()
            ),
        }
    }
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
