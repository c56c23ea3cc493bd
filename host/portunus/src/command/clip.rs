//! `portunus clip`: the clipboard of a guest, from a shell.

use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{FAILED, Failure};
use crate::clip::{ClipError, Clipboard, Place, Question};

/// The policy, or somebody who was asked, said no.
const FORBIDDEN: u8 = 3;

/// There is nothing to be had.
const NOTHING: u8 = 4;

/// The longest line that is read for a yes or a no.
const MAX_ANSWER_BYTES: u64 = 1024;

/// What its exit status says, beside what every command's says.
pub(super) const EXIT_STATUS: &str = "\
Exit status: as ever, and 3 if the port's policy or somebody who was asked said no; 4 if there is \
nothing of that type.";

/// Where the plugin is.
#[derive(Debug, Args)]
pub(super) struct Socket {
    /// The socket that the port's `listen` names.
    #[arg(long, value_name = "PATH", env = "PORTUNUS_CLIP_SOCKET")]
    socket: PathBuf,
}

/// Which clipboard.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// `clipboard`, or, where the guest has X and the port shares it, `primary` or `secondary`.
    #[arg(long, value_name = "NAME", default_value = "clipboard")]
    selection: String,
}

/// Which content of it.
#[derive(Debug, Args)]
pub(super) struct What {
    /// The content's MIME type: text/plain, image/png, image/bmp, image/tiff, image/jpeg or
    /// application/x-vdagent-file-list.
    #[arg(long = "type", value_name = "TYPE", default_value = "text/plain")]
    kind: String,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Subcommand)]
pub(super) enum ClipCommand {
    /// Writes what the guest has copied to standard output.
    #[command(after_help = "\
Example: portunus clip get --socket run/clipboard.sock --type image/png >picture.png")]
    Get {
        #[command(flatten)]
        socket: Socket,
        #[command(flatten)]
        what: What,
    },
    /// Offers what comes from standard input to the guest, which may paste it.
    #[command(after_help = "\
Example: echo hello | portunus clip put --socket run/clipboard.sock")]
    Put {
        #[command(flatten)]
        socket: Socket,
        #[command(flatten)]
        what: What,
    },
    /// Prints what is offered, and what changes, a line of JSON each; nothing of the content.
    #[command(after_help = "Example: portunus clip watch --socket run/clipboard.sock")]
    Watch {
        #[command(flatten)]
        socket: Socket,
    },
    /// Forgets what is offered.
    #[command(after_help = "Example: portunus clip clear --socket run/clipboard.sock")]
    Clear {
        #[command(flatten)]
        socket: Socket,
        #[command(flatten)]
        which: Which,
    },
    /// Asks on the terminal about each transfer that the port's `ask` names.
    ///
    /// A line that begins with `y` is a yes, any other a no. The end of standard input ends it, and
    /// what is asked after that is refused.
    #[command(after_help = "Example: portunus clip decide --socket run/clipboard.sock")]
    Decide {
        #[command(flatten)]
        socket: Socket,
    },
}

impl What {
    fn place(self) -> Place {
        Place {
            selection: self.which.selection,
            kind: Some(self.kind),
        }
    }
}

impl Which {
    fn place(self) -> Place {
        Place {
            selection: self.selection,
            kind: None,
        }
    }
}

pub(super) fn run(command: ClipCommand) -> Result<(), Failure> {
    match do_it(command) {
        // A reader that has seen enough.
        Err(ClipError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

fn do_it(command: ClipCommand) -> Result<(), ClipError> {
    let connect = |socket: Socket| Clipboard::connect(&socket.socket);
    match command {
        ClipCommand::Get { socket, what } => {
            connect(socket)?.get(&what.place(), &mut io::stdout().lock())
        }
        ClipCommand::Put { socket, what } => {
            connect(socket)?.put(&what.place(), &mut io::stdin().lock())
        }
        ClipCommand::Watch { socket } => connect(socket)?.watch(&mut |event| {
            let mut out = io::stdout().lock();
            writeln!(out, "{event}")?;
            out.flush()
        }),
        ClipCommand::Clear { socket, which } => connect(socket)?.clear(&which.place()),
        ClipCommand::Decide { socket } => {
            let mut clipboard = connect(socket)?;
            clipboard.begin_deciding()?;
            eprintln!("portunus: deciding, until the end of standard input");
            clipboard.decide(&mut ask_on_terminal)
        }
    }
}

/// A line from standard input says yes or no; its end, that nobody is there.
fn ask_on_terminal(question: &Question) -> io::Result<Option<bool>> {
    let mut out = io::stderr().lock();
    write!(out, "{question}. Allow? [y/N] ")?;
    out.flush()?;
    let mut said = String::new();
    match io::stdin()
        .lock()
        .take(MAX_ANSWER_BYTES)
        .read_line(&mut said)?
    {
        0 => Ok(None),
        _ => Ok(Some(said.trim_start().starts_with(['y', 'Y']))),
    }
}

/// The exit status that says why to programs.
pub(super) fn status(error: &ClipError) -> u8 {
    if error.is_refusal() {
        FORBIDDEN
    } else if error.is_nothing() {
        NOTHING
    } else {
        FAILED
    }
}
