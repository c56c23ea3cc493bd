//! The machine as tasks use it: built as the configuration says, running, and
//! over once.

use std::sync::{Arc, Mutex, PoisonError};

use portunus_vmm::{
    BuildError, CpuCount, Ended, Handle, Machine, MachineSpec, MemorySize, Parts, Transport,
};
use tokio::sync::oneshot;

use crate::config::{self, Diagnostic, Diagnostics, Loaded};

/// The machine that a configuration wants.
///
/// # Errors
///
/// It names no kernel, which every other door does without.
pub(super) fn spec(loaded: &Loaded) -> Result<MachineSpec, Diagnostics> {
    let vm = &loaded.spec.vm;
    let refuse = |what: &str, help: &str| {
        let fault = Diagnostic::new(what).help(help);
        loaded.refuse(vec![fault])
    };
    let Some(kernel) = &vm.kernel else {
        let help = "add `kernel = \"vmlinuz\"` to `[vm]`, or let another machine have these ports: \
                    `portunus serve`";
        return Err(refuse(
            "`run` boots a machine, and `vm.kernel` is missing",
            help,
        ));
    };
    let command_line = match &vm.cmdline {
        Some(line) => line.as_str().to_owned(),
        None => format!("console={}", vm.console.name()),
    };
    // The configuration's bounds are the machine's.
    let memory = MemorySize::new(vm.memory.bytes());
    let cpus = u8::try_from(vm.cpus.0).ok().and_then(CpuCount::new);
    let (Some(memory), Some(cpus)) = (memory, cpus) else {
        return Err(refuse(
            "there is no machine of this size",
            "see `portunus schema`",
        ));
    };
    Ok(MachineSpec {
        kernel: kernel.value.clone(),
        initrd: vm.initrd.as_ref().map(|initrd| initrd.value.clone()),
        command_line,
        memory,
        cpus,
        transport: match vm.transport {
            config::Transport::Pci => Transport::Pci,
            config::Transport::Mmio => Transport::Mmio,
        },
    })
}

/// A machine that runs, or whose end has not been heard of yet.
pub(super) struct Running {
    /// To stop it by.
    pub(super) handle: Handle,
    over: oneshot::Receiver<(Ended, Parts)>,
}

impl Running {
    /// Builds and starts it.
    pub(super) fn boot(spec: &MachineSpec, parts: Parts) -> Result<Self, BuildError> {
        let (tell, over) = oneshot::channel();
        let handle = Machine::build(spec, parts)?.start(move |how, parts| {
            // Nobody waits where the program ends first.
            let _unheard = tell.send((how, parts));
        })?;
        Ok(Self { handle, over })
    }

    /// Waits for the end of a machine that was told to stop, which may have been
    /// heard of already.
    pub(super) async fn end(&mut self) {
        if !self.over.is_terminated() {
            self.over().await;
        }
    }

    /// Waits for its end, and takes back what it was given. Safe to cancel, and
    /// once it has answered it never does again.
    pub(super) async fn over(&mut self) -> (Ended, Parts) {
        match (&mut self.over).await {
            Ok(over) => over,
            // Its thread panicked, which the machine does not.
            Err(_gone) => std::future::pending().await,
        }
    }
}

/// Whichever machine runs now: one after the other, as the guest reboots.
#[derive(Clone, Default)]
pub(super) struct Current(Arc<Mutex<Option<Handle>>>);

impl Current {
    /// This one runs now.
    pub(super) fn set(&self, handle: Handle) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
    }

    /// Types into its serial port, and tells how many bytes it took.
    pub(super) fn type_in(&self, bytes: &[u8]) -> usize {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map_or(0, |handle| handle.type_in(bytes))
    }
}
