//! Port ids, port names, and which virtqueue belongs to whom.
//!
//! Every function is total: a number that names nothing is `None` or an error.
//! See VIRTIO 1.2, section 5.3.2 (Virtqueues).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The number of a port in its device: at most [`MaxPorts::LIMIT`] - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(u16);

impl PortId {
    /// Port 0: a console's by convention, and the only port of a driver that
    /// does not know `MULTIPORT`.
    pub const ZERO: Self = Self(0);

    /// A port id, or `None` past what any device can have.
    pub fn new(id: u32) -> Option<Self> {
        let id = u16::try_from(id).ok()?;
        (id < MaxPorts::LIMIT.0).then_some(Self(id))
    }

    /// The number, as control messages carry it.
    pub fn get(self) -> u32 {
        u32::from(self.0)
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How many ports a device can have: 1 to [`MaxPorts::LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaxPorts(u16);

impl MaxPorts {
    /// The most that fits virtio's 16-bit queue numbers, 0xffff (which PCI
    /// reads as "no queue") left out.
    pub const LIMIT: Self = Self(32_766);

    /// The most that fits vhost-user, whose queue numbers have 8 bits.
    pub const VHOST_USER_LIMIT: Self = Self(127);

    /// A size of device, or `None` where it is zero or past [`Self::LIMIT`].
    pub fn new(count: u32) -> Option<Self> {
        let count = u16::try_from(count).ok()?;
        (1..=Self::LIMIT.0).contains(&count).then_some(Self(count))
    }

    /// The number, as `max_nr_ports` in config space carries it.
    pub fn get(self) -> u32 {
        u32::from(self.0)
    }

    /// Whether a device of this size can have a port of this id.
    pub fn contains(self, id: PortId) -> bool {
        id.0 < self.0
    }

    /// Every id that a device of this size can have, from 0 on.
    pub fn ids(self) -> impl Iterator<Item = PortId> {
        (0..self.0).map(PortId)
    }
}

impl Default for MaxPorts {
    /// 31: User Mode Linux refuses more than 64 queues.
    fn default() -> Self {
        Self(31)
    }
}

impl fmt::Display for MaxPorts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a guest sees as `/dev/virtio-ports/NAME`: 1 to 127 bytes of UTF-8,
/// without control characters and slashes, and not `.` or `..`.
///
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortName(Arc<str>);

impl PortName {
    /// The longest name, in bytes. Far below a page, the smallest buffer that
    /// a driver gives for control messages; and a limit for udev's rules.
    pub const MAX_BYTES: usize = 127;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a port's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PortNameError {
    /// Nothing at all.
    #[error("a port's name must not be empty")]
    Empty,
    /// Longer than [`PortName::MAX_BYTES`].
    #[error(
        "a port's name has at most {max} bytes, this one has {length}",
        max = PortName::MAX_BYTES
    )]
    TooLong {
        /// The length in bytes.
        length: usize,
    },
    /// A slash: the guest makes the name a file in `/dev/virtio-ports`.
    #[error("a port's name must not contain `/`: the guest makes it a file name")]
    Slash,
    /// A control character.
    #[error("a port's name must not contain control characters, this one has {0:?}")]
    ControlCharacter(char),
    /// `.` or `..`, which are directories.
    #[error("a port cannot be named `.` or `..`: the guest makes the name a file name")]
    Directory,
}

impl FromStr for PortName {
    type Err = PortNameError;

    fn from_str(text: &str) -> Result<Self, PortNameError> {
        if text.is_empty() {
            return Err(PortNameError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(PortNameError::TooLong { length: text.len() });
        }
        if text.contains('/') {
            return Err(PortNameError::Slash);
        }
        if let Some(found) = text.chars().find(|c| c.is_control()) {
            return Err(PortNameError::ControlCharacter(found));
        }
        if text == "." || text == ".." {
            return Err(PortNameError::Directory);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for PortName {
    type Error = PortNameError;

    fn try_from(text: String) -> Result<Self, PortNameError> {
        text.parse()
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The number of a virtqueue in its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueIndex(pub u16);

impl fmt::Display for QueueIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a virtqueue is for. Directions are the guest's, as in the
/// specification: it receives from a receive queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueRole {
    /// Bytes to the guest, on one port.
    PortReceive(PortId),
    /// Bytes from the guest, on one port.
    PortTransmit(PortId),
    /// Control messages to the guest.
    ControlReceive,
    /// Control messages from the guest.
    ControlTransmit,
}

/// How many virtqueues a device of this size has: two for each port, and two
/// for control messages.
pub fn queue_count(max_ports: MaxPorts) -> u16 {
    max_ports.0.saturating_add(1).saturating_mul(2)
}

/// What a virtqueue of a device of this size is for; `None` where it has none
/// of that number.
pub fn queue_role(index: QueueIndex, max_ports: MaxPorts) -> Option<QueueRole> {
    let pair = index.0 / 2;
    let receives = index.0.is_multiple_of(2);
    let port = match pair {
        0 => PortId(0),
        1 if receives => return Some(QueueRole::ControlReceive),
        1 => return Some(QueueRole::ControlTransmit),
        _ => PortId(pair.saturating_sub(1)),
    };
    if !max_ports.contains(port) {
        return None;
    }
    Some(match receives {
        true => QueueRole::PortReceive(port),
        false => QueueRole::PortTransmit(port),
    })
}

/// The virtqueue of this role: the inverse of [`queue_role`].
pub fn queue_index(role: QueueRole) -> QueueIndex {
    match role {
        QueueRole::PortReceive(id) => receive_queue(id),
        QueueRole::PortTransmit(id) => transmit_queue(id),
        QueueRole::ControlReceive => QueueIndex(2),
        QueueRole::ControlTransmit => QueueIndex(3),
    }
}

/// The virtqueue that carries bytes to the guest on this port.
pub fn receive_queue(id: PortId) -> QueueIndex {
    match id {
        PortId::ZERO => QueueIndex(0),
        PortId(n) => QueueIndex(n.saturating_mul(2).saturating_add(2)),
    }
}

/// The virtqueue that carries bytes from the guest on this port.
pub fn transmit_queue(id: PortId) -> QueueIndex {
    QueueIndex(receive_queue(id).0.saturating_add(1))
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
