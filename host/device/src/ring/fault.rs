//! What can be wrong with a virtqueue.

use crate::chain::ChainFault;

/// A part of a virtqueue, as faults name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingPart {
    /// The descriptor table.
    Descriptors,
    /// The available ring (in the specification also: the driver area).
    Available,
    /// The used ring (in the specification also: the device area).
    Used,
}

impl std::fmt::Display for RingPart {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Descriptors => "descriptor table",
            Self::Available => "available ring",
            Self::Used => "used ring",
        })
    }
}

/// What a guest did wrong with a virtqueue (guest's fault). Its device needs a
/// reset; until then the queue is not touched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingFault {
    /// Not a power of two from 1 to [`crate::ring::MAX_QUEUE_SIZE`].
    #[error("the guest set up a queue of {0} descriptors; virtio allows powers of two up to 32768")]
    Size(u16),
    /// A part does not begin where the specification lets it.
    #[error("the guest put a queue's {part} at {address:#x}, which is not aligned")]
    Misaligned {
        /// The part.
        part: RingPart,
        /// Its guest address.
        address: u64,
    },
    /// A part is not in guest memory, or is so no longer.
    #[error("the guest put a queue's {part} at {address:#x}, where it has no memory")]
    OutsideMemory {
        /// The part.
        part: RingPart,
        /// Its guest address.
        address: u64,
    },
    /// The available index ran back behind what was taken, or while it was
    /// read. Linux does that when its driver lets a device go, with the buffers
    /// that it has not collected (`virtqueue_detach_unused_buf`), and frees them;
    /// a front end need not tell of the reset that came before.
    #[error("the guest took back buffers of a queue: its index went from {before} to {now}")]
    Withdrawn {
        /// The newest index before that.
        before: u16,
        /// The index that the guest wrote.
        now: u16,
    },
    /// The available index ran ahead of what the queue can hold.
    #[error(
        "the guest moved a queue's available index from {before} to {now}, in a queue of {size}"
    )]
    AvailableIndex {
        /// The newest index before that.
        before: u16,
        /// The index that the guest wrote.
        now: u16,
        /// The queue's size in descriptors.
        size: u16,
    },
    /// A malformed chain.
    #[error("the guest made a malformed descriptor chain at descriptor {head}: {fault}")]
    Chain {
        /// The chain's first descriptor.
        head: u16,
        /// What is wrong with it.
        fault: ChainFault,
    },
    /// A buffer for control messages that is smaller than the message.
    #[error("the guest gave a control buffer of {given} bytes; a message needs {needed}")]
    ControlBufferTooSmall {
        /// The buffer's length in bytes.
        given: u64,
        /// The message's length in bytes.
        needed: usize,
    },
}

impl RingFault {
    /// Names the chain that a fault is about.
    pub(crate) fn in_chain(head: u16) -> impl FnOnce(ChainFault) -> Self {
        move |fault| Self::Chain { head, fault }
    }
}
