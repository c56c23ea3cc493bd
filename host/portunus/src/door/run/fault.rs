//! Why there is no machine, or why it did not end as its user wanted.

use std::io;
use std::path::PathBuf;

use portunus_vmm::{BootError, BuildError, VcpuFault};

use crate::config::{Diagnostic, Diagnostics, Loaded};
use crate::door::TooFewDescriptors;
use crate::listener::SocketFault;
use crate::router::AddFault;
use crate::session::Alarm;
use crate::stop_signals::StopSignal;

/// Why there is no machine, or how it ended if not well.
#[derive(Debug, thiserror::Error)]
pub enum RunFault {
    /// The configuration has faults.
    #[error(transparent)]
    Configuration(#[from] Diagnostics),
    /// The process may have too few open files.
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
    /// There is no machine.
    #[error(transparent)]
    Build(BuildError),
    /// There is no socket.
    #[error(transparent)]
    Socket(#[from] SocketFault),
    /// What a service manager passed in is of no use.
    #[error(
        "a socket that was passed in cannot be used: {cause}; pass in Unix stream sockets alone, \
         and what LISTEN_FDS counts"
    )]
    Passed {
        /// Why.
        cause: io::Error,
    },
    /// The terminal's port is not there.
    #[error("hvc0 cannot be connected to the terminal: {0}")]
    Console(#[from] AddFault),
    /// The serial port's file cannot be made.
    #[error(
        "the serial port's file {} cannot be made: {cause}; name another one by `serial = \
         \"file:PATH\"`", path.display()
    )]
    SerialFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A port's plugin failed too often, and the port's policy is to stop.
    #[error("{0}")]
    Port(Alarm),
    /// The guest's kernel has lost its way.
    #[error(
        "the guest crashed: processor {cpu} met a fault while it handled a fault, twice over (a \
         triple fault), and shut down; a kernel that is damaged or built for other processors ends \
         so, and so does one that reboots by it (`reboot=t`): see what the guest said last, \
         without `quiet` on its command line"
    )]
    TripleFault {
        /// Which processor.
        cpu: u8,
    },
    /// The host does not run one of the guest's processors any further.
    #[error("the guest's processor {cpu} cannot go on: {fault}")]
    Vcpu {
        /// Which processor.
        cpu: u8,
        /// Why.
        fault: VcpuFault,
    },
    /// A second signal, which waited for nothing.
    #[error("ended by a second {0}, without waiting for the guest")]
    Cut(StopSignal),
    /// The system gives no threads, signals or terminal.
    #[error("cannot run: {0}")]
    System(#[from] io::Error),
}

impl RunFault {
    /// Why a machine was not built: a fault of the configuration's is shown there.
    pub(super) fn building(loaded: &Loaded, error: BuildError) -> Self {
        let fault = match &error {
            BuildError::Boot(fault) => fault,
            _ => return Self::Build(error),
        };
        let vm = &loaded.spec.vm;
        let place = match fault {
            BootError::InitrdDoesNotFit { .. } => &vm.initrd,
            BootError::Unreadable { path, .. }
                if vm
                    .initrd
                    .as_ref()
                    .is_some_and(|initrd| initrd.value == *path) =>
            {
                &vm.initrd
            }
            BootError::Unreadable { .. }
            | BootError::NotAKernel { .. }
            | BootError::Damaged { .. }
            | BootError::KernelDoesNotFit { .. } => &vm.kernel,
            BootError::CommandLine { .. } => &None,
            BootError::Memory(_) => return Self::Build(error),
        };
        let sentence = fault.to_string();
        let (what, help) = sentence.split_once("; ").unwrap_or((&sentence, ""));
        let mut diagnostic = Diagnostic::new(what).help(help);
        if let Some(place) = place {
            diagnostic = diagnostic.at(place.span, "this one");
        }
        Self::Configuration(loaded.refuse(vec![diagnostic]))
    }
}
