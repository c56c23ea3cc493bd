//! What went wrong between a driver and its device.

use std::io;
use std::sync::Arc;

/// Something that a transport could not do. The device may need a reset; the
/// machine goes on.
#[derive(Debug, thiserror::Error)]
pub enum TransportFault {
    /// The guest's fault.
    #[error(
        "the guest's driver chose features {chosen:#x} of {offered:#x}: the device does not take that"
    )]
    Features {
        /// What it chose.
        chosen: u64,
        /// What it could choose of; VERSION_1 is a must.
        offered: u64,
    },
    /// The guest's fault.
    #[error("the guest's driver set up queue {queue} wrongly: {reason}")]
    Queue {
        /// Which queue.
        queue: u16,
        /// What the device says of it.
        reason: String,
    },
    /// The host's fault.
    #[error("queue {queue} has no events, since none can be made: {source}")]
    Events {
        /// Which queue.
        queue: u16,
        /// Why.
        source: io::Error,
    },
    /// The host's fault.
    #[error("the guest's interrupt vector {vector} is not connected: {source}")]
    Vector {
        /// Which vector.
        vector: u16,
        /// Why.
        source: io::Error,
    },
}

impl TransportFault {
    /// Whether the guest is to blame, or this host.
    pub fn is_guests(&self) -> bool {
        matches!(self, Self::Features { .. } | Self::Queue { .. })
    }
}

/// Who is told of faults, on the thread of a vCPU. How often is up to the guest:
/// whoever logs them keeps count.
pub type FaultSink = Arc<dyn Fn(&TransportFault) + Send + Sync>;
