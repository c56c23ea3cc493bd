//! What the guest's consoles are connected to: its serial port, and hvc0.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use portunus_device::config_space::ConsoleSize;
use portunus_device::layout::PortId;
use portunus_vmm::serial::SerialOutput;
use tokio::task::JoinHandle;

use super::console_port;
use super::fault::RunFault;
use super::machine::Current;
use super::terminal::{self, Screen, Terminal, Typed};
use crate::config::{Console, Serial, VmSpec};
use crate::router::Router;
use crate::stop_signals::{StopSignal, StopSignals};

/// How often a serial port that is full is tried again: nothing tells when the
/// guest has read it, and it takes a guest's scheduler's tick.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// What the user says to the program, and not to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A signal asks for the end.
    Stop(StopSignal),
    /// The user leaves, from the terminal.
    Leave,
}

/// The consoles of one machine, and what its user says beside them.
pub(super) struct Consoles {
    router: Arc<Router>,
    stop: StopSignals,
    terminal: Option<Terminal>,
    /// Whether the terminal is hvc0.
    is_hvc0: bool,
    typing: Option<JoinHandle<()>>,
    /// Whether the user has asked for the end already.
    asked: bool,
}

impl Consoles {
    /// Connects them as the configuration says; answers where the serial port
    /// writes. From here on the terminal is the guest's.
    pub(super) async fn connect(
        vm: &VmSpec,
        router: &Arc<Router>,
        stop: StopSignals,
        current: &Current,
    ) -> Result<(Self, SerialOutput), RunFault> {
        let mut consoles = Self {
            router: Arc::clone(router),
            stop,
            terminal: None,
            is_hvc0: vm.console == Console::Hvc0,
            typing: None,
            asked: false,
        };
        let file = match &vm.serial {
            Serial::File(path) => Some(File::create(path).map_err(|cause| {
                let path = path.clone();
                RunFault::SerialFile { path, cause }
            })?),
            Serial::Terminal | Serial::Off => None,
        };
        let has_terminal = vm.serial == Serial::Terminal;
        let mut serial: SerialOutput = match file {
            Some(file) => Box::new(file),
            None => Box::new(io::sink()),
        };
        if has_terminal || consoles.is_hvc0 {
            let (terminal, typed) = Terminal::take()?;
            let screen = terminal.screen().clone();
            consoles.terminal = Some(terminal);
            if has_terminal {
                serial = Box::new(screen);
                consoles.typing = Some(tokio::spawn(type_in(typed, current.clone())));
            } else {
                consoles.typing = Some(as_hvc0(typed, screen, router).await?);
            }
        }
        Ok((consoles, serial))
    }

    /// The port that is one of them: the user sees what the guest says to its end.
    pub(super) fn port(&self) -> Option<PortId> {
        self.is_hvc0.then_some(PortId::ZERO)
    }

    /// Tells the user how to leave, where there is one at a terminal.
    pub(super) fn tell_user(&self) {
        let is_interactive = |terminal: &Terminal| terminal.is_interactive();
        if self.terminal.as_ref().is_some_and(is_interactive) {
            // Where standard error is closed nobody can be told.
            let _closed = writeln!(io::stderr(), "portunus: Ctrl-A X leaves this machine");
        }
    }

    /// Waits for the user's next word. Safe to cancel.
    pub(super) async fn word(&mut self) -> Word {
        let word = self.next_word().await;
        self.asked = true;
        word
    }

    /// Waits until the user waits no longer for what ends already: the second
    /// word, since the first asks for no more than that. Safe to cancel.
    pub(super) async fn impatience(&mut self) -> Word {
        if !self.asked {
            self.word().await;
        }
        self.word().await
    }

    /// The guest hears meanwhile of a terminal that has another size.
    async fn next_word(&mut self) -> Word {
        let Self {
            router,
            stop,
            terminal,
            is_hvc0,
            ..
        } = self;
        let Some(terminal) = terminal else {
            return Word::Stop(stop.next().await);
        };
        loop {
            tokio::select! {
                signal = stop.next() => return Word::Stop(signal),
                event = terminal.event() => match event {
                    terminal::Event::Left => return Word::Leave,
                    terminal::Event::Resized(size) if *is_hvc0 => {
                        router.resize(PortId::ZERO, size);
                    }
                    terminal::Event::Resized(ConsoleSize { .. }) => {}
                },
            }
        }
    }

    /// From now on no processor waits for whoever reads what the guest says.
    pub(super) fn wait_no_more(&self) {
        if let Some(terminal) = &self.terminal {
            terminal.screen().wait_no_more();
        }
    }

    /// Gives the terminal back, with the guest's last words on it.
    pub(super) fn give_back(self) {
        if let Some(typing) = &self.typing {
            typing.abort();
        }
        if let Some(terminal) = self.terminal {
            terminal.give_back();
        }
    }
}

/// Types what comes into the serial port of the machine that runs then.
async fn type_in(mut typed: Typed, current: Current) {
    while let Some(bytes) = typed.recv().await {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let taken = current.type_in(rest);
            rest = rest.get(taken..).unwrap_or_default();
            if taken == 0 {
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

/// Makes the terminal port 0 of the device.
async fn as_hvc0(
    mut typed: Typed,
    screen: Screen,
    router: &Router,
) -> Result<JoinHandle<()>, RunFault> {
    let plan = console_port::plan(screen).map_err(io::Error::other)?;
    let id = plan.id;
    router.add(plan).await?;
    if let Some(size) = terminal::size() {
        router.resize(id, size);
    }
    let port = router.port(id);
    Ok(tokio::spawn(async move {
        let Some(port) = port else { return };
        while let Some(bytes) = typed.recv().await {
            port.give(&bytes).await;
        }
    }))
}
