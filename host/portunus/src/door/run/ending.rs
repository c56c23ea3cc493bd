//! How a machine ends that runs, or that has just ended by itself.

use std::time::Duration;

use portunus_vmm::Ended;
use tokio::time::timeout;

use super::consoles::{Consoles, Word};
use super::fault::RunFault;
use super::machine::Running;
use crate::router::Router;

/// How long the plugins have for a machine whose user waits for nothing more.
const NO_TIME: Duration = Duration::ZERO;

/// Stops a machine in order: its plugins hear of it, its power button is pressed,
/// and after `grace` it ends wherever it is. A second word of the user's ends the
/// grace.
pub(super) async fn stop(
    running: &mut Running,
    router: &Router,
    consoles: &mut Consoles,
    grace: Duration,
) -> Result<(), RunFault> {
    tracing::info!(grace_ms = grace.as_millis(), "stopping");
    let (handle, console) = (running.handle.clone(), consoles.port());
    let orderly = async {
        let off = async {
            handle.press_power_button();
            timeout(grace, running.over()).await.is_ok()
        };
        // The plugins' order is given before the button is pressed.
        let ((), is_off) = tokio::join!(router.end_sessions(console, grace), off);
        is_off
    };
    let cut = tokio::select! {
        biased;
        is_off = orderly => {
            if is_off {
                tracing::info!("the guest has ended");
                return Ok(());
            }
            tracing::warn!("the guest did not power off within the grace: it is ended");
            None
        }
        word = consoles.impatience() => {
            tracing::warn!("the guest is ended without waiting");
            Some(word)
        }
    };
    consoles.wait_no_more();
    handle.stop();
    running.end().await;
    refuse_cut(cut)
}

/// Stops the plugins of a machine that has ended, within `grace` or until the
/// user waits no longer.
pub(super) async fn end_plugins(
    router: &Router,
    consoles: &mut Consoles,
    grace: Duration,
) -> Result<(), RunFault> {
    let cut = tokio::select! {
        biased;
        () = router.stop(grace) => None,
        word = consoles.impatience() => {
            tracing::warn!("stopped without waiting for the plugins");
            router.stop(NO_TIME).await;
            Some(word)
        }
    };
    refuse_cut(cut)
}

/// Whoever sent a second signal is told that it was one.
fn refuse_cut(cut: Option<Word>) -> Result<(), RunFault> {
    match cut {
        Some(Word::Stop(signal)) => Err(RunFault::Cut(signal)),
        Some(Word::Leave) | None => Ok(()),
    }
}

/// What a machine's end means to whoever started it.
pub(super) fn judge(how: Ended) -> Result<(), RunFault> {
    match how {
        Ended::PoweredOff => tracing::info!("the guest powered off"),
        Ended::Reset => tracing::info!("the guest rebooted, and is not started again"),
        Ended::Stopped => tracing::info!("the machine was stopped"),
        Ended::TripleFault { cpu } => return Err(RunFault::TripleFault { cpu }),
        Ended::Failed { cpu, fault } => return Err(RunFault::Vcpu { cpu, fault }),
    }
    Ok(())
}
