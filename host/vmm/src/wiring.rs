//! What the transports ask of the hypervisor: that a guest's write signals an
//! eventfd, and that an eventfd interrupts the guest, neither by way of us.

use std::io;

use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// The hypervisor's half of notifications and interrupts. Called from any
/// thread.
pub trait EventWiring: Send + Sync {
    /// Signals `event` where the guest writes there, in place of an exit.
    ///
    /// # Errors
    ///
    /// What the hypervisor says: among others, that something else has that
    /// place. The write is then an exit, as any other.
    fn add_io_event(&self, at: IoEvent, event: &EventFd) -> io::Result<()>;

    /// Takes back what [`Self::add_io_event`] did.
    ///
    /// # Errors
    ///
    /// There was nothing to take back.
    fn remove_io_event(&self, at: IoEvent, event: &EventFd) -> io::Result<()>;

    /// Sends `message` each time that `event` is signalled, until
    /// [`Self::disconnect_message`] with what this returned.
    ///
    /// # Errors
    ///
    /// Too many messages are connected, or the hypervisor refuses.
    fn connect_message(&self, message: MsiMessage, event: &EventFd) -> io::Result<Gsi>;

    /// Takes back what [`Self::connect_message`] did. A signal that comes after
    /// this stays in the event.
    ///
    /// # Errors
    ///
    /// There was nothing to take back.
    fn disconnect_message(&self, gsi: Gsi, event: &EventFd) -> io::Result<()>;

    /// Sets the level of an interrupt line.
    ///
    /// # Errors
    ///
    /// There is no such line.
    fn set_line(&self, line: Gsi, high: bool) -> io::Result<()>;
}

/// Makes an eventfd that never blocks, and that no child of this program has.
///
/// # Errors
///
/// The program has no descriptors left.
pub(crate) fn new_event() -> io::Result<EventFd> {
    EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)
}

/// A write to guest-physical memory, of any width where `value` is `None`, else
/// of these 32 bits alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IoEvent {
    /// Where, in bytes.
    pub address: u64,
    /// What must be written.
    pub value: Option<u32>,
}

/// A message-signalled interrupt: a write that a device makes (PCI 3.0, section
/// 6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MsiMessage {
    /// Where to: which processors.
    pub address: u64,
    /// What: which vector.
    pub data: u32,
}

/// A global system interrupt: an input of the interrupt controllers, or a
/// message's number with the hypervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gsi(pub u32);
