//! The command line: what can be asked of the program, and with which status
//! it ends.
//!
//! Owns the words of the command line, its help and the exit statuses. Leaves
//! the work to the modules that it calls.

mod check;
mod clip;
mod demo;
mod guest;
mod log_arguments;
mod plugin_arguments;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use portunus_plugin::compile_as_child;

use crate::clip::ClipError;
use crate::config::{self, Diagnostics, Style, TimeSpan};
use crate::connect::{self, ConnectFault};
use crate::demo::DemoSpec;
use crate::door::run::{self, RESTORE, RunFault, restore_terminal};
use crate::door::serve::{self, ServeFault};
use crate::logging::Verbosity;
use crate::stop_signals::StopSignal;
use check::ReportFormat;
use clip::ClipCommand;
use log_arguments::LogArguments;
use plugin_arguments::PluginArguments;

/// What went well.
const OK: u8 = 0;

/// What failed while it ran: the machine's fault, or someone else's on it.
const FAILED: u8 = 1;

/// The guest crashed.
const CRASHED: u8 = 3;

/// The host could not run the guest any further.
const HOST_GAVE_UP: u8 = 4;

/// What was never begun: the configuration or the command line is wrong. The
/// same as for an option that does not exist.
const REFUSED: u8 = 2;

/// This program, whatever has become of its file since it was started.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";

/// What the program calls itself with, to compile a plugin within bounds.
const COMPILE: &str = "compile";

const EXIT_STATUS: &str = "\
Exit status: 0 if all went well; 1 if it failed while running; 2 if the configuration or the \
command line is wrong.";

const RUN_HELP: &str = "\
Example: portunus run examples/vm/vm.toml

Exit status: 0 if the guest powered off, or was stopped; 1 if something failed; 2 if the \
configuration or the command line is wrong; 3 if the guest crashed (a triple fault); 4 if KVM \
could not run its processor any further; 130 or 143 if a second SIGINT or SIGTERM ended it.";

/// Answers the virtio-serial ports of virtual machines with sandboxed WebAssembly plugins.
#[derive(Debug, Parser)]
#[command(name = "portunus", version, after_help = EXIT_STATUS)]
pub struct Arguments {
    #[command(flatten)]
    log: LogArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says everything that is wrong with a configuration, and starts nothing.
    ///
    /// Each fault comes with its file and line, the text underlined, and what to do. Plugins are
    /// loaded to see whether they could answer a port, but nothing of them runs.
    #[command(after_help = "Example: portunus check examples/log.toml")]
    Check {
        /// The configuration, a TOML file.
        config: PathBuf,
        /// Text for people on standard error, or JSON for tools on standard output.
        #[arg(long, value_enum, default_value_t)]
        format: ReportFormat,
        #[command(flatten)]
        plugins: PluginArguments,
    },
    /// Boots a virtual machine of its own, on KVM, and answers its ports.
    ///
    /// The machine is what `[vm]` says: a kernel, memory, processors. Its console is this terminal,
    /// or standard input and output where these are none: Ctrl-A X leaves, Ctrl-A Ctrl-A is one
    /// Ctrl-A for the guest.
    ///
    /// SIGTERM, SIGINT and Ctrl-A X give the plugins their `on-stop` and press the machine's power
    /// button; after `grace` the machine ends wherever it is. The second of them ends it at once.
    #[command(after_help = RUN_HELP)]
    Run {
        /// The configuration, a TOML file whose `[vm]` names a kernel.
        config: PathBuf,
        #[command(flatten)]
        plugins: PluginArguments,
    },
    /// Answers the ports of another program's virtual machine, as a vhost-user back end.
    ///
    /// Runs until SIGTERM or SIGINT. The socket is there once it is ready, and removed at the end.
    #[command(after_help = "\
Example: portunus serve examples/echo.toml --socket /run/vm.sock

The virtual machine's monitor connects to the socket: QEMU with a vhost-user-device-pci, User Mode \
Linux with virtio_uml.device=/run/vm.sock:3")]
    Serve {
        /// The configuration, a TOML file.
        config: PathBuf,
        /// Where to listen for the virtual machine's monitor.
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
        /// How long plugins may take to make things safe at the end.
        #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time)]
        grace: Duration,
        #[command(flatten)]
        plugins: PluginArguments,
    },
    /// Talks to a port's plugin: a terminal, or a pipe, to the socket where its port listens.
    ///
    /// Sends standard input and prints what comes back. The end of standard input is told to the
    /// plugin, whose last words are still printed; it ends when the plugin closes.
    ///
    /// A terminal sends lines, as it does to any program. With --raw it sends every key as it is
    /// typed, for what answers like a terminal itself; Ctrl-] leaves then.
    #[command(after_help = "\
Example: echo hello | portunus connect examples/run/echo.sock

Exit status: 0 if the plugin closed, or Ctrl-] was typed; 1 if the connection could not be made or \
was lost; 2 if the command line is wrong; 130 or 143 if SIGINT or SIGTERM ended it.")]
    Connect {
        /// The socket: a port's `listen`.
        socket: PathBuf,
        /// Sends every key of the terminal as it is typed.
        #[arg(long)]
        raw: bool,
    },
    /// Gets and offers what is in a guest's clipboard, by the clipboard plugin of its port.
    #[command(after_help = clip::EXIT_STATUS)]
    Clip {
        #[command(subcommand)]
        command: ClipCommand,
    },
    /// Boots a real Linux guest and shows its ports answered by plugins.
    ///
    /// The guest is User Mode Linux: a Linux kernel that runs as a program, so that it needs no
    /// virtualization and no root. Its packages are Debian's, fetched once (60 MB) and unpacked in
    /// a folder: PORTUNUS_GUEST_DIR, or else one in the user's cache.
    ///
    /// The host draws a random word. The guest's console, the echo plugin's reply and the log
    /// plugin's file must each show it, or the demonstration fails and says what was missing.
    #[command(after_help = "\
Example: portunus demo --keep /tmp/demo

Exit status: as ever, and 130 or 143 if SIGINT or SIGTERM ended it. Nothing of the guest is left \
in either case.")]
    Demo {
        /// Leaves the configuration and the log file in this folder, which must be new or empty.
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
        /// How long the guest may take from its boot to its end.
        #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
        within: Duration,
        #[command(flatten)]
        plugins: PluginArguments,
    },
    /// Makes a small Debian guest for `run`: a kernel, and an initial RAM disk with a shell.
    ///
    /// The kernel and all else are Debian's packages, fetched once (105 MB) and unpacked in a folder:
    /// PORTUNUS_GUEST_DIR, or else one in the user's cache. Nothing is installed on the system.
    #[command(after_help = "\
Example: portunus guest examples/vm/boot

The files are DIR/vmlinuz and DIR/initrd.img.")]
    Guest {
        /// Where the files go.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Prints the JSON Schema of the configuration, for editors and other tools.
    #[command(after_help = "\
Example: portunus schema > portunus.schema.json

Editors with a TOML language server take it from a file's first line:
#:schema ./portunus.schema.json")]
    Schema,
    /// Puts a terminal back to how it is now, once standard input ends.
    #[command(name = RESTORE, hide = true)]
    RestoreTerminal,
    /// Compiles one plugin for the process that started this one.
    #[command(name = COMPILE, hide = true)]
    Compile {
        /// The process.
        parent: u32,
    },
}

/// Why the program does not end well.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The configuration's fault.
    #[error(transparent)]
    Configuration(#[from] Diagnostics),
    /// The command line's fault, found only after it was read.
    #[error(transparent)]
    Usage(anyhow::Error),
    /// A guest's clipboard could not be used, or may not be.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// It has been said already.
    #[error("refused")]
    Told,
    /// A signal ended what should have gone on.
    #[error("stopped by {0}")]
    Stopped(StopSignal),
    /// A machine did not end well, with a status of its own.
    #[error("{fault}")]
    Machine {
        /// How it ended.
        fault: RunFault,
        /// The exit status that says so.
        status: u8,
    },
    /// Anything else.
    #[error(transparent)]
    Running(#[from] anyhow::Error),
}

impl From<ServeFault> for Failure {
    fn from(fault: ServeFault) -> Self {
        match fault {
            ServeFault::Configuration(faults) => Self::Configuration(faults),
            fault @ ServeFault::SocketPath { .. } => Self::Usage(fault.into()),
            other => Self::Running(other.into()),
        }
    }
}

impl From<ConnectFault> for Failure {
    fn from(fault: ConnectFault) -> Self {
        match fault {
            ConnectFault::Stopped(signal) => Self::Stopped(signal),
            ConnectFault::NoTerminal => Self::Usage(fault.into()),
            other => Self::Running(other.into()),
        }
    }
}

impl From<RunFault> for Failure {
    fn from(fault: RunFault) -> Self {
        let status = match &fault {
            RunFault::TripleFault { .. } => CRASHED,
            RunFault::Vcpu { .. } => HOST_GAVE_UP,
            RunFault::Cut(signal) => signal.exit_status(),
            _ => FAILED,
        };
        match fault {
            RunFault::Configuration(faults) => Self::Configuration(faults),
            fault => Self::Machine { fault, status },
        }
    }
}

impl Command {
    /// How much is logged where nobody says: what a demonstration shows, it
    /// prints.
    fn verbosity(&self) -> Verbosity {
        match self {
            Self::Demo { .. } => Verbosity::quiet(),
            // The log would stand in the guest's way.
            Self::Run { .. } if io::stderr().is_terminal() => Verbosity::quiet(),
            _ => Verbosity::louder(0),
        }
    }
}

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    let Arguments { log, command } = Arguments::parse();
    // A child that compiles has nothing to log: its parent tells.
    if !matches!(command, Command::Compile { .. } | Command::RestoreTerminal) {
        log.start(command.verbosity());
    }
    ExitCode::from(match run(command) {
        Ok(status) => status,
        Err(failure) => tell(&failure),
    })
}

/// Gives the exit status of what did not fail.
fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Check {
            config,
            format,
            plugins,
        } => check::run(&config, format, plugins.plugins()?)?,
        Command::Run { config, plugins } => run::run(&config, plugins.plugins()?)?,
        Command::Serve {
            config,
            socket,
            grace,
            plugins,
        } => serve::run(&config, &socket, grace, plugins.plugins()?)?,
        Command::Connect { socket, raw } => connect::run(&socket, raw)?,
        Command::Clip { command } => clip::run(command)?,
        Command::Demo {
            keep,
            within,
            plugins,
        } => demo::run(&DemoSpec { keep, within }, plugins.plugins()?)?,
        Command::Guest { folder } => guest::run(&folder)?,
        Command::Schema => print(&format!("{:#}", config::schema().as_value()))?,
        Command::RestoreTerminal => return Ok(restore_terminal()),
        Command::Compile { parent } => return Ok(compile_as_child(parent)),
    }
    Ok(OK)
}

/// Says why, and gives the status that says it to programs.
fn tell(failure: &Failure) -> u8 {
    let (page, status) = match failure {
        Failure::Told => (String::new(), REFUSED),
        Failure::Configuration(faults) => (faults.render(Style::for_standard_error()), REFUSED),
        Failure::Usage(error) => (format!("portunus: {error:#}\n"), REFUSED),
        Failure::Clip(error) => (format!("portunus: {failure}\n"), clip::status(error)),
        Failure::Stopped(signal) => (format!("portunus: {failure}\n"), signal.exit_status()),
        Failure::Machine { fault, status } => (format!("portunus: {fault}\n"), *status),
        Failure::Running(error) => (format!("portunus: {error:#}\n"), FAILED),
    };
    // Where standard error is closed nobody can be told.
    let _ = io::stderr().write_all(page.as_bytes());
    status
}

/// Prints a line. A reader that has seen enough of it is no failure of ours.
fn print(line: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("cannot write to standard output"))
        }
        _ => Ok(()),
    }
}

fn parse_time(text: &str) -> Result<Duration, config::Invalid> {
    text.parse().map(TimeSpan::duration)
}
