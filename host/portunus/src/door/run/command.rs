//! The command: from a configuration's path to the machine's end.

use std::path::Path;
use std::sync::Arc;

use portunus_vmm::transport::FaultSink;
use portunus_vmm::{Ended, MachineSpec, Parts};
use tracing::Instrument;

use super::console_device::ConsoleDevice;
use super::consoles::{Consoles, Word};
use super::ending;
use super::fault::RunFault;
use super::machine::{self, Current, Running};
use crate::client_sockets::PassedSockets;
use crate::config::{self, Loaded, OnReboot};
use crate::door::descriptors;
use crate::launch::{Launched, launch};
use crate::metrics::Endpoint;
use crate::plugins::Plugins;
use crate::router::Router;
use crate::session::Alarm;
use crate::stop_signals::StopSignals;

/// Runs the machine of this configuration until its guest powers off, or until
/// SIGTERM, SIGINT or the user at its terminal end it. When this returns, the
/// terminal is as it was.
///
/// # Errors
///
/// [`RunFault`]: before anything has started, or how it ended.
pub fn run(config: &Path, mut plugins: Plugins) -> Result<(), RunFault> {
    // First, so that no child has them too.
    let mut passed = PassedSockets::take().map_err(|cause| RunFault::Passed { cause })?;
    let loaded = config::load_with_machine(config, &mut plugins)?;
    let spec = machine::spec(&loaded)?;
    descriptors::provide(&loaded.spec)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(live(&loaded, &spec, &plugins, &mut passed));
    // A thread may wait for a file that a plugin has opened: nobody waits for
    // that.
    runtime.shutdown_background();
    ended
}

/// What must be there before there is a machine, and goes after it.
async fn live(
    loaded: &Loaded,
    spec: &MachineSpec,
    plugins: &Plugins,
    passed: &mut PassedSockets,
) -> Result<(), RunFault> {
    // Before anything starts: no signal may find us unprepared.
    let mut stop = StopSignals::new()?;
    // The sockets' paths are there until the end of this.
    let Launched { router, sockets } = tokio::select! {
        launched = launch(loaded, plugins, passed) => launched?,
        signal = stop.next() => {
            tracing::info!(%signal, "stopped before it was ready");
            return Ok(());
        }
    };
    passed.tell_unused();
    let metrics = Endpoint::of(&loaded.spec, &router)?;
    let span = router.span().clone();
    let ended = with_consoles(loaded, spec, &router, stop)
        .instrument(span)
        .await;
    if let Some(metrics) = metrics {
        metrics.stop().await;
    }
    drop(sockets);
    ended
}

async fn with_consoles(
    loaded: &Loaded,
    spec: &MachineSpec,
    router: &Arc<Router>,
    stop: StopSignals,
) -> Result<(), RunFault> {
    let current = Current::default();
    let vm = &loaded.spec.vm;
    let (mut consoles, serial) = Consoles::connect(vm, router, stop, &current).await?;
    let parts = Parts {
        devices: vec![Box::new(ConsoleDevice::new(Arc::clone(router)))],
        serial,
        faults: fault_log(router),
    };
    let life = Life {
        loaded,
        spec,
        router,
        current: &current,
    };
    let ended = life.run(parts, &mut consoles).await;
    consoles.give_back();
    ended
}

/// Logs what goes wrong between a driver and the device: the first time, and
/// then ever more rarely.
fn fault_log(router: &Arc<Router>) -> FaultSink {
    let router = Arc::clone(router);
    Arc::new(move |fault| {
        if let Some(times) = router.complain() {
            let _vm = router.span().enter();
            tracing::warn!(%fault, times, "the device and the guest's driver do not agree");
        }
    })
}

/// One machine, from its first boot through its reboots to its end.
struct Life<'run> {
    loaded: &'run Loaded,
    spec: &'run MachineSpec,
    router: &'run Arc<Router>,
    current: &'run Current,
}

/// Why a machine is to stop, or how it did.
enum Cause {
    Ended(Ended),
    Word(Word),
    Alarm(Alarm),
}

impl Life<'_> {
    async fn run(&self, parts: Parts, consoles: &mut Consoles) -> Result<(), RunFault> {
        let vm = &self.loaded.spec.vm;
        let grace = vm.grace.duration();
        let mut running = self.boot(parts)?;
        consoles.tell_user();
        let cause = loop {
            let (how, parts) = tokio::select! {
                over = running.over() => over,
                word = consoles.word() => break Cause::Word(word),
                alarm = self.router.alarm().raised() => break Cause::Alarm(alarm),
            };
            if how != Ended::Reset || vm.on_reboot == OnReboot::Exit {
                break Cause::Ended(how);
            }
            tracing::info!("the guest rebooted: the machine starts again");
            running = self.boot(parts)?;
        };
        let stopped = match &cause {
            Cause::Ended(_) => Ok(()),
            Cause::Word(word) => {
                tracing::info!(?word, "asked to stop");
                ending::stop(&mut running, self.router, consoles, grace).await
            }
            Cause::Alarm(alarm) => {
                let Alarm { port, cause } = alarm;
                tracing::error!(port, cause, "the machine is not to run without this port");
                ending::stop(&mut running, self.router, consoles, grace).await
            }
        };
        stopped.and(ending::end_plugins(self.router, consoles, grace).await)?;
        match cause {
            Cause::Ended(how) => ending::judge(how),
            Cause::Word(_) => Ok(()),
            Cause::Alarm(alarm) => Err(RunFault::Port(alarm)),
        }
    }

    fn boot(&self, parts: Parts) -> Result<Running, RunFault> {
        let running = Running::boot(self.spec, parts)
            .map_err(|error| RunFault::building(self.loaded, error))?;
        self.current.set(running.handle.clone());
        let MachineSpec {
            kernel,
            memory,
            cpus,
            ..
        } = self.spec;
        tracing::info!(
            kernel = %kernel.display(), memory_mib = memory.mebibytes(), cpus = cpus.get(),
            "the machine runs"
        );
        Ok(running)
    }
}
