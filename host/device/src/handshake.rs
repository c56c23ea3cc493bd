//! The handshake: which ports there are, which of them are open, and what the
//! guest still has to be told. Pure: no rings, no clock.
//!
//! Nothing is queued. Each port keeps what the guest was told beside what is
//! wanted, and [`Handshake::next_message`] is the first difference between the
//! two. So what waits for a guest that gives no buffers is bounded by the
//! number of ports, and nothing is lost. What comes and goes before the guest
//! gives a buffer is not told at all: open, closed and open again is nothing to
//! say. A host that must be *seen* to close keeps closed for a while (Linux
//! cannot see less than 100 ms or so); that is its session's business. Only a
//! port that is removed and added again is always told as such.
//!
//! See VIRTIO 1.2, section 5.3.6.2 (Multiport Device Operation).

mod port;

use std::collections::{BTreeMap, BTreeSet};

use crate::config_space::ConsoleSize;
use crate::control::{ControlFault, GuestMessage, HostMessage};
use crate::features::Features;
use crate::layout::{MaxPorts, PortId, PortName};

use port::Port;

/// What a port is. Fixed from its adding to its removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortProfile {
    /// The name that the guest sees.
    pub name: PortName,
    /// Whether the guest makes it a console (`/dev/hvc*`).
    pub console: bool,
}

/// What a guest's message means to a port's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestEvent {
    /// A driver began. It has no port open, whatever another one had open
    /// before it (a reboot need not reach us as a reset), and will be told of
    /// every port.
    DeviceReady,
    /// The driver could not set the device up, and will not use it.
    DeviceRefused,
    /// The driver knows the port and will be told its name.
    PortReady(PortId),
    /// The driver could not set the port up, and will not use it.
    PortRefused(PortId),
    /// A program in the guest opened the port.
    Opened(PortId),
    /// A program in the guest closed the port. What it wrote before is in the
    /// transmit ring: note that ring's index before the message's buffer is
    /// returned, since the guest waits for no longer than that.
    Closed(PortId),
}

/// Why a port cannot be added (the host's own fault).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddPortError {
    /// The device is smaller than that.
    #[error("port {id} does not fit a device of {max_ports} ports")]
    OutOfRange {
        /// The port.
        id: PortId,
        /// The device's size.
        max_ports: MaxPorts,
    },
    /// There is a port of this id.
    #[error("port {0} is there already")]
    Taken(PortId),
}

/// The state of the control protocol.
#[derive(Debug)]
pub struct Handshake {
    max_ports: MaxPorts,
    features: Features,
    /// Whether the driver listens to control messages.
    driver_listens: bool,
    /// Every id that was ever spoken of: at most `max_ports`.
    ports: BTreeMap<PortId, Port>,
    /// The ids for which there is something to say, were the driver listening.
    unsettled: BTreeSet<PortId>,
}

impl Handshake {
    /// A device without ports, and no driver yet.
    pub fn new(max_ports: MaxPorts) -> Self {
        Self {
            max_ports,
            features: Features::default(),
            driver_listens: false,
            ports: BTreeMap::new(),
            unsettled: BTreeSet::new(),
        }
    }

    /// How many ports the device can have.
    pub fn max_ports(&self) -> MaxPorts {
        self.max_ports
    }

    /// What the driver negotiated. Without `MULTIPORT` there are no control
    /// messages: the guest has port 0 alone, open from the first.
    pub fn set_features(&mut self, features: Features) {
        self.features = features;
        self.settle_all();
    }

    /// Adds a port, its host's end closed. At any time: before a driver comes,
    /// while one runs, and right after a port of this id was removed.
    ///
    /// # Errors
    ///
    /// [`AddPortError`]: the id is taken, or past the device's size.
    pub fn add_port(&mut self, id: PortId, profile: PortProfile) -> Result<(), AddPortError> {
        if !self.max_ports.contains(id) {
            let max_ports = self.max_ports;
            return Err(AddPortError::OutOfRange { id, max_ports });
        }
        let port = self.ports.entry(id).or_default();
        if port.is_wanted() {
            return Err(AddPortError::Taken(id));
        }
        port.add(profile);
        self.settle(id);
        Ok(())
    }

    /// Removes a port. Returns whether there was one.
    pub fn remove_port(&mut self, id: PortId) -> bool {
        self.change(id, Port::remove)
    }

    /// Opens or closes the host's end of a port. Returns whether there is such
    /// a port. Only the newest word reaches the guest.
    pub fn set_host_open(&mut self, id: PortId, open: bool) -> bool {
        self.change(id, |port| port.set_host_open(open))
    }

    /// Sets a console's size, told where the driver negotiated `SIZE`. Returns
    /// whether there is such a port and it is a console.
    pub fn resize(&mut self, id: PortId, size: ConsoleSize) -> bool {
        self.change(id, |port| port.resize(size))
    }

    /// The device was reset, or a new driver will come: nothing has been said,
    /// no port is open in the guest, no features are negotiated. The ports stay.
    pub fn reset(&mut self) {
        self.driver_listens = false;
        self.features = Features::default();
        self.forget();
    }

    /// The rings of a running driver are taken up again, after this back end
    /// was replaced or the front end came back: every port is announced again,
    /// and none is taken for closed. Linux answers `PORT_READY` for a
    /// port that it knows, and does *not* say again which ones are open: what
    /// is known of that stays, and [`Self::assume_guest_open`] adds to it.
    pub fn resume(&mut self) {
        self.driver_listens = true;
        self.ports.values_mut().for_each(Port::announce_again);
        self.settle_all();
    }

    /// Takes a port for open in the guest, as is known by other means than a
    /// message: it writes to the port's ring, say, after a [`Self::resume`].
    /// Returns whether there is such a port.
    pub fn assume_guest_open(&mut self, id: PortId) -> bool {
        self.change(id, Port::assume_guest_open)
    }

    /// Whether the guest has the port open: bytes for it are not thrown away.
    pub fn is_guest_open(&self, id: PortId) -> bool {
        let Some(port) = self.ports.get(&id) else {
            return false;
        };
        match self.features.multiport() {
            true => port.is_guest_open(),
            false => id == PortId::ZERO && port.is_wanted(),
        }
    }

    /// Takes a control message from the guest. `Ok(None)`: it says nothing new,
    /// or is about a port of which the guest has still to learn that it went.
    ///
    /// # Errors
    ///
    /// [`ControlFault`]: the message is ignored, and all goes on.
    pub fn receive(&mut self, message: &[u8]) -> Result<Option<GuestEvent>, ControlFault> {
        match GuestMessage::parse(message)? {
            GuestMessage::DeviceReady(true) => {
                self.driver_listens = true;
                self.forget();
                Ok(Some(GuestEvent::DeviceReady))
            }
            GuestMessage::DeviceReady(false) => {
                self.driver_listens = false;
                Ok(Some(GuestEvent::DeviceRefused))
            }
            GuestMessage::PortReady { id, ready } => {
                let id = self.known_id(id)?;
                Ok(self.port_ready(id, ready))
            }
            GuestMessage::PortOpen { id, open } => {
                let id = self.known_id(id)?;
                self.port_open(id, open)
            }
        }
    }

    /// The next thing to tell the guest, if any. Say it, then [`Self::commit`]
    /// it.
    pub fn next_message(&self) -> Option<HostMessage> {
        if !self.driver_listens || !self.features.multiport() {
            return None;
        }
        let id = *self.unsettled.first()?;
        self.ports.get(&id)?.difference(id, self.features)
    }

    /// The message is in the guest's buffer: what it says has been told.
    pub fn commit(&mut self, message: &HostMessage) {
        let id = message.port();
        if let Some(port) = self.ports.get_mut(&id) {
            port.told(message);
        }
        self.settle(id);
    }

    /// A guest that woke from hibernation speaks of its ports without a
    /// `DEVICE_READY`: it listens all the same.
    fn port_ready(&mut self, id: PortId, ready: bool) -> Option<GuestEvent> {
        self.driver_listens = true;
        let known = self.ports.entry(id).or_default().guest_ready(ready);
        self.settle(id);
        known.then_some(match ready {
            true => GuestEvent::PortReady(id),
            false => GuestEvent::PortRefused(id),
        })
    }

    fn port_open(&mut self, id: PortId, open: bool) -> Result<Option<GuestEvent>, ControlFault> {
        self.driver_listens = true;
        let port = self.ports.entry(id).or_default();
        let changed = port.set_guest_open(id, open);
        self.settle(id);
        Ok(changed?.then_some(match open {
            true => GuestEvent::Opened(id),
            false => GuestEvent::Closed(id),
        }))
    }

    fn known_id(&self, id: u32) -> Result<PortId, ControlFault> {
        PortId::new(id)
            .filter(|id| self.max_ports.contains(*id))
            .ok_or(ControlFault::UnknownPort { id })
    }

    /// Nothing was said, and no port is open in the guest.
    fn forget(&mut self) {
        self.ports.values_mut().for_each(Port::forget);
        self.ports.retain(|_, port| port.is_wanted());
        self.settle_all();
    }

    fn change(&mut self, id: PortId, change: impl FnOnce(&mut Port) -> bool) -> bool {
        let changed = self.ports.get_mut(&id).is_some_and(change);
        self.settle(id);
        changed
    }

    /// Files the port under those with something to say, or takes it off.
    fn settle(&mut self, id: PortId) {
        let port = self.ports.get(&id);
        match port.and_then(|port| port.difference(id, self.features)) {
            Some(_) => self.unsettled.insert(id),
            None => self.unsettled.remove(&id),
        };
    }

    fn settle_all(&mut self) {
        let features = self.features;
        let unsettled = self.ports.iter();
        self.unsettled = unsettled
            .filter(|(id, port)| port.difference(**id, features).is_some())
            .map(|(id, _)| *id)
            .collect();
    }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
