//! The command: from a configuration's path to an orderly stop.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Server;
use crate::client_sockets::PassedSockets;
use crate::config::{self, Diagnostics, SocketPathFault};
use crate::door::descriptors::{self, TooFewDescriptors};
use crate::launch::{Launched, launch};
use crate::listener::SocketFault;
use crate::metrics::Endpoint;
use crate::plugins::Plugins;
use crate::session::Alarm;
use crate::stop_signals::StopSignals;

/// How many ports a device can have over vhost-user, whose messages number a
/// queue with eight bits.
pub const MAX_PORTS: u32 = 127;

/// Why nothing is served, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum ServeFault {
    /// The configuration has faults.
    #[error(transparent)]
    Configuration(#[from] Diagnostics),
    /// No socket can be where the command line wants it.
    #[error("--socket {}: {fault}", path.display())]
    SocketPath {
        /// Where.
        path: PathBuf,
        /// Why not, and what to do.
        fault: SocketPathFault,
    },
    /// The process may have too few open files.
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
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
    /// A port's plugin failed too often, and the port's policy is to stop.
    #[error("{0}")]
    Port(Alarm),
    /// The system gives no threads, or no signals.
    #[error("cannot run: {0}")]
    System(#[from] io::Error),
}

/// Serves front ends until SIGTERM or SIGINT, or until a port without which its
/// machine is not to run is given up; then gives the plugins `grace` to make
/// things safe. A second signal ends the grace.
///
/// # Errors
///
/// [`ServeFault`]: before anything is served, or [`ServeFault::Port`] after.
pub fn run(
    config: &Path,
    socket: &Path,
    grace: Duration,
    mut plugins: Plugins,
) -> Result<(), ServeFault> {
    if let Some(fault) = config::path_fault(socket) {
        let path = socket.to_owned();
        return Err(ServeFault::SocketPath { path, fault });
    }
    // First, so that no child has them too.
    let mut passed = PassedSockets::take().map_err(|cause| ServeFault::Passed { cause })?;
    let loaded = config::load(config, &mut plugins)?;
    fits_vhost_user(&loaded)?;
    descriptors::provide(&loaded.spec)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(serve(&loaded, &plugins, &mut passed, socket, grace));
    // A thread may wait for a front end's next message, or for a file that a
    // plugin has opened: nobody waits for those.
    runtime.shutdown_background();
    served
}

async fn serve(
    loaded: &config::Loaded,
    plugins: &Plugins,
    passed: &mut PassedSockets,
    socket: &Path,
    grace: Duration,
) -> Result<(), ServeFault> {
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
    let server = Server::start(router, socket)?;
    tracing::info!(socket = %socket.display(), "ready");
    let alarm = tokio::select! {
        signal = stop.next() => {
            tracing::info!(%signal, grace_ms = grace.as_millis(), "stopping");
            None
        }
        alarm = server.router().alarm().raised() => {
            tracing::error!(
                port = alarm.port, cause = alarm.cause, grace_ms = grace.as_millis(),
                "stopping: the machine is not to run without this port"
            );
            Some(alarm)
        }
    };
    tokio::select! {
        () = server.stop(grace) => tracing::info!("stopped"),
        signal = stop.next() => {
            tracing::warn!(%signal, "stopped without waiting for the plugins");
            drop(std::fs::remove_file(socket));
        }
    }
    if let Some(metrics) = metrics {
        metrics.stop().await;
    }
    drop(sockets);
    alarm.map_or(Ok(()), |alarm| Err(ServeFault::Port(alarm)))
}

/// Refuses a device that vhost-user cannot carry.
fn fits_vhost_user(loaded: &config::Loaded) -> Result<(), Diagnostics> {
    let max_ports = loaded.spec.device.max_ports();
    if max_ports.get() <= MAX_PORTS {
        return Ok(());
    }
    let mut fault = config::Diagnostic::new(format!(
        "a device of {max_ports} ports, served over vhost-user"
    ))
    .help(format!(
        "write at most {MAX_PORTS}: vhost-user numbers a queue with eight bits"
    ));
    if let Some(located) = &loaded.spec.device.max_ports {
        fault = fault.at(located.span, "too many");
    }
    Err(loaded.refuse(vec![fault]))
}
