//! How many file descriptors a device takes, so that none is missing once its
//! guest runs.

use portunus_device::layout::queue_count;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::serve::{FILES_LIMIT, REGIONS_LIMIT};
use crate::config::{Limit, Spec};

/// A virtqueue's: kick, call and error; in a machine of our own its kick on both
/// sides, and its interrupt.
const PER_QUEUE: usize = 3;

/// A granted directory's own.
const PER_DIRECTORY: usize = 1;

/// The socket where a port's clients connect, and the file that its path leads to.
const PER_LISTEN: usize = 2;

/// How often a message's descriptors are there while it is handed on: with the
/// frame, on their way, and with who takes them.
const PER_MESSAGE: usize = 3;

/// What does not grow with the device: standard streams, the listening socket
/// and the front end's, the runtime's own, what a library opens for a moment.
const MARGIN: usize = 64;

/// The system grants fewer open files than the device needs: the host's fault.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error(
    "a device of this size needs {needed} open files, and this process may have {allowed}; allow \
     more before it is started: `ulimit -n {needed}` in a shell that may, or LimitNOFILE={needed} \
     in its systemd unit"
)]
pub struct TooFewDescriptors {
    needed: u64,
    allowed: u64,
}

/// Lets this process have as many as the device needs, if the system allows it.
///
/// # Errors
///
/// [`TooFewDescriptors`] where it does not.
pub(super) fn provide(spec: &Spec) -> Result<(), TooFewDescriptors> {
    let needed = needed(spec);
    let limit = getrlimit(Resource::Nofile);
    match raised(limit, needed)? {
        None => Ok(()),
        Some(raised) => setrlimit(Resource::Nofile, raised).map_err(|_refused| TooFewDescriptors {
            needed,
            allowed: limit.current.unwrap_or(u64::MAX),
        }),
    }
}

/// All of a device's at once: [`PER_QUEUE`] for each of its `2 * (max-ports + 1)`
/// queues (two a port, two for control), [`PER_DIRECTORY`] for each granted
/// directory, all that its limit `resources` lets a plugin have open where it is
/// granted one, so that none takes what another needs, [`PER_LISTEN`] and one for
/// each client for each port that listens, all that its limit `connects` lets a
/// plugin connect to where it is granted a target, one for each region of guest memory,
/// [`PER_MESSAGE`] for each that a message may bring, and [`MARGIN`].
fn needed(spec: &Spec) -> u64 {
    let queues = usize::from(queue_count(spec.device.max_ports()));
    let directories: usize = spec.ports.iter().map(|port| port.grant.dirs.len()).sum();
    let granted = spec.ports.iter().filter(|port| !port.grant.dirs.is_empty());
    let files = granted
        .map(|port| port.limit.number(Limit::Resources).unwrap_or(u64::MAX))
        .map(|files| usize::try_from(files).unwrap_or(usize::MAX))
        .fold(0, usize::saturating_add);
    let listens = spec.ports.iter().filter_map(|port| port.listen.as_ref());
    let clients = listens
        .map(|listen| usize::try_from(listen.clients.0).unwrap_or(usize::MAX))
        .map(|clients| clients.saturating_add(PER_LISTEN))
        .fold(0, usize::saturating_add);
    let connecting = spec
        .ports
        .iter()
        .filter(|port| !port.grant.connect.is_empty());
    let connections = connecting
        .map(|port| port.limit.number(Limit::Connects).unwrap_or(u64::MAX))
        .map(|connects| usize::try_from(connects).unwrap_or(usize::MAX))
        .fold(0, usize::saturating_add);
    let parts = [
        files,
        clients,
        connections,
        queues.saturating_mul(PER_QUEUE),
        directories.saturating_mul(PER_DIRECTORY),
        REGIONS_LIMIT,
        FILES_LIMIT.saturating_mul(PER_MESSAGE),
        MARGIN,
    ];
    let all = parts.into_iter().fold(0, usize::saturating_add);
    u64::try_from(all).unwrap_or(u64::MAX)
}

/// The limit to set; `None` where it is high enough.
fn raised(limit: Rlimit, needed: u64) -> Result<Option<Rlimit>, TooFewDescriptors> {
    let allows = |bound: Option<u64>| bound.is_none_or(|bound| bound >= needed);
    match limit.maximum {
        _ if allows(limit.current) => Ok(None),
        Some(allowed) if !allows(limit.maximum) => Err(TooFewDescriptors { needed, allowed }),
        maximum => Ok(Some(Rlimit {
            current: Some(needed),
            maximum,
        })),
    }
}

#[cfg(test)]
#[path = "descriptors_tests.rs"]
mod tests;
