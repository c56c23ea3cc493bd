//! Control messages: bytes to messages, and back.
//!
//! A message is a header of eight bytes, little-endian: `id` (32 bits), `event`
//! and `value` (16 bits each); a name or a size may follow. See VIRTIO 1.2,
//! section 5.3.6.2 (Multiport Device Operation). What a message means is
//! [`crate::handshake`]'s business.

use crate::config_space::ConsoleSize;
use crate::layout::{PortId, PortName};

/// The size of a message's header, in bytes: all that a guest's message has.
pub const HEADER_BYTES: usize = 8;

/// The longest message to a guest, in bytes.
pub const MAX_MESSAGE_BYTES: usize = HEADER_BYTES + PortName::MAX_BYTES;

mod event {
    pub(super) const DEVICE_READY: u16 = 0;
    pub(super) const PORT_ADD: u16 = 1;
    pub(super) const PORT_REMOVE: u16 = 2;
    pub(super) const PORT_READY: u16 = 3;
    pub(super) const CONSOLE_PORT: u16 = 4;
    pub(super) const RESIZE: u16 = 5;
    pub(super) const PORT_OPEN: u16 = 6;
    pub(super) const PORT_NAME: u16 = 7;
}

/// What a guest can say. Its port numbers are not checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestMessage {
    /// The driver is ready for ports, or failed to set the device up.
    DeviceReady(bool),
    /// The driver knows a port, or failed to set it up.
    PortReady {
        /// The port's number, as the guest wrote it.
        id: u32,
        /// False where the driver failed.
        ready: bool,
    },
    /// A program in the guest opened or closed a port.
    PortOpen {
        /// The port's number, as the guest wrote it.
        id: u32,
        /// False where it was closed.
        open: bool,
    },
}

/// A control message that is not one, or that makes no sense where it came
/// (guest's fault). The message is ignored; the device goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlFault {
    /// Shorter than a header.
    #[error("the guest sent a control message of {length} bytes; a header has 8")]
    TooShort {
        /// The message's length in bytes.
        length: usize,
    },
    /// An event that no guest may send, or that no specification knows.
    #[error("the guest sent control event {event} for port {id}, which a guest cannot send")]
    UnexpectedEvent {
        /// The event's number.
        event: u16,
        /// The port it names.
        id: u32,
    },
    /// A port that the device does not have.
    #[error("the guest sent a control message for port {id}, which the device does not have")]
    UnknownPort {
        /// The number that the guest gave.
        id: u32,
    },
    /// A second open of a port that is open.
    #[error("the guest opened port {id}, which it had open already")]
    AlreadyOpen {
        /// The port.
        id: PortId,
    },
    /// A close of a port that is not open.
    #[error("the guest closed port {id}, which it did not have open")]
    NotOpen {
        /// The port.
        id: PortId,
    },
}

impl GuestMessage {
    /// Reads a guest's message. What follows the header is ignored, as QEMU
    /// does; so is the port's number where the event is about the device.
    ///
    /// # Errors
    ///
    /// [`ControlFault::TooShort`] and [`ControlFault::UnexpectedEvent`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ControlFault> {
        let Some(&[i0, i1, i2, i3, e0, e1, v0, v1]) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(ControlFault::TooShort {
                length: bytes.len(),
            });
        };
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        let yes = u16::from_le_bytes([v0, v1]) != 0;
        match u16::from_le_bytes([e0, e1]) {
            event::DEVICE_READY => Ok(Self::DeviceReady(yes)),
            event::PORT_READY => Ok(Self::PortReady { id, ready: yes }),
            event::PORT_OPEN => Ok(Self::PortOpen { id, open: yes }),
            event => Err(ControlFault::UnexpectedEvent { event, id }),
        }
    }

    /// The message as a guest's driver writes it.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        /// What Linux names no port with.
        const NO_PORT: u32 = u32::MAX;
        match self {
            Self::DeviceReady(ready) => header(NO_PORT, event::DEVICE_READY, ready),
            Self::PortReady { id, ready } => header(id, event::PORT_READY, ready),
            Self::PortOpen { id, open } => header(id, event::PORT_OPEN, open),
        }
    }
}

/// What the device can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostMessage {
    /// There is a port of this id.
    PortAdd(PortId),
    /// There is none any more.
    PortRemove(PortId),
    /// The port is a console: Linux makes it `/dev/hvc*`.
    ConsolePort(PortId),
    /// The console's size.
    Resize(PortId, ConsoleSize),
    /// The port's name.
    PortName(PortId, PortName),
    /// Whether the host's end of the port is open.
    PortOpen(PortId, bool),
}

impl HostMessage {
    /// The port that the message is about.
    pub fn port(&self) -> PortId {
        match *self {
            Self::PortAdd(id)
            | Self::PortRemove(id)
            | Self::ConsolePort(id)
            | Self::Resize(id, _)
            | Self::PortName(id, _)
            | Self::PortOpen(id, _) => id,
        }
    }

    /// The message as a guest's driver reads it: at most [`MAX_MESSAGE_BYTES`].
    ///
    /// A name goes without a terminating NUL, as the specification says; Linux
    /// and Windows add their own. A size goes rows first: the specification
    /// had them the other way round, but Linux has read them so since 2.6.35
    /// (but for a few releases from 6.15 on, before it went back), and so does
    /// OpenBSD.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_MESSAGE_BYTES);
        let id = self.port().get();
        bytes.extend_from_slice(&match self {
            Self::PortAdd(_) => header(id, event::PORT_ADD, true),
            Self::PortRemove(_) => header(id, event::PORT_REMOVE, true),
            Self::ConsolePort(_) => header(id, event::CONSOLE_PORT, true),
            Self::Resize(..) => header(id, event::RESIZE, true),
            Self::PortName(..) => header(id, event::PORT_NAME, true),
            Self::PortOpen(_, open) => header(id, event::PORT_OPEN, *open),
        });
        match self {
            Self::Resize(_, size) => {
                bytes.extend_from_slice(&size.rows.to_le_bytes());
                bytes.extend_from_slice(&size.columns.to_le_bytes());
            }
            Self::PortName(_, name) => bytes.extend_from_slice(name.as_str().as_bytes()),
            _ => {}
        }
        bytes
    }

    /// Reads a device's message, as a guest's driver does: `None` where it is
    /// not one. A terminating NUL after a name is taken off.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[i0, i1, i2, i3, e0, e1, v0, v1], rest) =
            bytes.split_first_chunk::<HEADER_BYTES>()?;
        let id = PortId::new(u32::from_le_bytes([i0, i1, i2, i3]))?;
        let open = u16::from_le_bytes([v0, v1]) != 0;
        Some(match u16::from_le_bytes([e0, e1]) {
            event::PORT_ADD => Self::PortAdd(id),
            event::PORT_REMOVE => Self::PortRemove(id),
            event::CONSOLE_PORT => Self::ConsolePort(id),
            event::RESIZE => {
                let &[r0, r1, c0, c1] = rest.first_chunk::<4>()?;
                let rows = u16::from_le_bytes([r0, r1]);
                let columns = u16::from_le_bytes([c0, c1]);
                Self::Resize(id, ConsoleSize { columns, rows })
            }
            event::PORT_OPEN => Self::PortOpen(id, open),
            event::PORT_NAME => {
                let name = rest.strip_suffix(&[0]).unwrap_or(rest);
                Self::PortName(id, std::str::from_utf8(name).ok()?.parse().ok()?)
            }
            _ => return None,
        })
    }
}

fn header(id: u32, event: u16, value: bool) -> [u8; HEADER_BYTES] {
    let [i0, i1, i2, i3] = id.to_le_bytes();
    let [e0, e1] = event.to_le_bytes();
    let [v0, v1] = u16::from(value).to_le_bytes();
    [i0, i1, i2, i3, e0, e1, v0, v1]
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
