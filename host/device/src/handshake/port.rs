//! One port of the handshake: what is wanted, and what the guest was told.

use super::PortProfile;
use crate::config_space::ConsoleSize;
use crate::control::{ControlFault, HostMessage};
use crate::features::Features;
use crate::layout::PortId;

/// One port id, with or without a port.
#[derive(Debug, Default)]
pub(super) struct Port {
    wanted: Option<Wanted>,
    told: Told,
    guest_open: bool,
}

/// What the host wants of its port.
#[derive(Debug)]
struct Wanted {
    profile: PortProfile,
    host_open: bool,
    size: Option<ConsoleSize>,
}

/// What the guest was told of the id since the device was reset.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing. The guest may know the port from before: it woke from
    /// hibernation, or this back end is new.
    #[default]
    Nothing,
    /// That the port is gone. What it still says of one is old news.
    Gone,
    /// `PORT_ADD`, not answered yet. `anew`: after a `PORT_REMOVE`, so that an
    /// open or a close that comes before the answer is about the port before.
    Added { anew: bool },
    /// The guest answered that it cannot have the port.
    Refused,
    /// The guest answered that it has the port, and was told so much of it.
    Ready(Described),
    /// Of a port that was removed since. Not `answered`: its `PORT_ADD` was
    /// not, and the removal waits for that, so that no answer is ever taken for
    /// the next port's.
    Outdated { answered: bool },
}

/// What the guest was told of a port that it has.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Described {
    console: bool,
    size: Option<ConsoleSize>,
    name: bool,
    host_open: bool,
}

impl Port {
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    pub(super) fn is_guest_open(&self) -> bool {
        self.guest_open
    }

    pub(super) fn add(&mut self, profile: PortProfile) {
        self.wanted = Some(Wanted {
            profile,
            host_open: false,
            size: None,
        });
    }

    pub(super) fn remove(&mut self) -> bool {
        self.guest_open = false;
        self.told = match self.told {
            Told::Nothing => Told::Nothing,
            Told::Gone => Told::Gone,
            Told::Outdated { answered } => Told::Outdated { answered },
            Told::Added { .. } => Told::Outdated { answered: false },
            Told::Refused | Told::Ready(_) => Told::Outdated { answered: true },
        };
        self.wanted.take().is_some()
    }

    pub(super) fn set_host_open(&mut self, open: bool) -> bool {
        match &mut self.wanted {
            Some(wanted) => {
                wanted.host_open = open;
                true
            }
            None => false,
        }
    }

    pub(super) fn resize(&mut self, size: ConsoleSize) -> bool {
        match &mut self.wanted {
            Some(wanted) if wanted.profile.console => {
                wanted.size = Some(size);
                true
            }
            _ => false,
        }
    }

    pub(super) fn assume_guest_open(&mut self) -> bool {
        self.guest_open = self.is_wanted();
        self.guest_open
    }

    /// The device was reset, or a new driver began.
    pub(super) fn forget(&mut self) {
        self.told = Told::Nothing;
        self.guest_open = false;
    }

    /// The port is announced from the start; a removal that was not told yet is
    /// told first.
    pub(super) fn announce_again(&mut self) {
        self.told = match self.told {
            Told::Outdated { .. } => Told::Outdated { answered: true },
            _ => Told::Nothing,
        };
    }

    /// `PORT_READY`. Returns whether it is about the port as it is now.
    pub(super) fn guest_ready(&mut self, ready: bool) -> bool {
        match (self.told, &self.wanted) {
            (Told::Gone, _) => false,
            // Also a guest that woke up with a port that went while it slept.
            (Told::Outdated { .. }, _) | (_, None) => {
                self.told = Told::Outdated { answered: true };
                false
            }
            (_, Some(_)) if ready => {
                self.told = Told::Ready(Described::default());
                true
            }
            (_, Some(_)) => {
                self.told = Told::Refused;
                self.guest_open = false;
                true
            }
        }
    }

    /// `PORT_OPEN`. Returns whether it is about the port as it is now.
    pub(super) fn set_guest_open(&mut self, id: PortId, open: bool) -> Result<bool, ControlFault> {
        match (self.told, &self.wanted) {
            (Told::Outdated { .. } | Told::Gone | Told::Added { anew: true }, _) => {
                return Ok(false);
            }
            (_, None) => {
                self.told = Told::Outdated { answered: true };
                return Ok(false);
            }
            (_, Some(_)) => {}
        }
        match (self.guest_open, open) {
            (true, true) => Err(ControlFault::AlreadyOpen { id }),
            (false, false) => Err(ControlFault::NotOpen { id }),
            _ => {
                self.guest_open = open;
                Ok(true)
            }
        }
    }

    /// The first thing to tell the guest. Linux needs this order: it ignores a
    /// size before it knows a console, and takes a port's other properties
    /// before it lets programs write.
    pub(super) fn difference(&self, id: PortId, features: Features) -> Option<HostMessage> {
        let wanted = match (self.told, &self.wanted) {
            (Told::Outdated { answered: true }, _) => return Some(HostMessage::PortRemove(id)),
            (Told::Nothing | Told::Gone, Some(_)) => return Some(HostMessage::PortAdd(id)),
            (_, None) => return None,
            (_, Some(wanted)) => wanted,
        };
        let Told::Ready(described) = self.told else {
            return None;
        };
        if wanted.profile.console && !described.console {
            return Some(HostMessage::ConsolePort(id));
        }
        match wanted.size {
            Some(size) if features.size() && described.size != Some(size) => {
                return Some(HostMessage::Resize(id, size));
            }
            _ => {}
        }
        if !described.name {
            return Some(HostMessage::PortName(id, wanted.profile.name.clone()));
        }
        (described.host_open != wanted.host_open)
            .then_some(HostMessage::PortOpen(id, wanted.host_open))
    }

    /// The message is in the guest's buffer.
    pub(super) fn told(&mut self, message: &HostMessage) {
        match (message, &mut self.told) {
            (HostMessage::PortRemove(_), told) => *told = Told::Gone,
            (HostMessage::PortAdd(_), told) => {
                let anew = *told == Told::Gone;
                *told = Told::Added { anew };
            }
            (HostMessage::ConsolePort(_), Told::Ready(described)) => described.console = true,
            (HostMessage::Resize(_, size), Told::Ready(described)) => described.size = Some(*size),
            (HostMessage::PortName(..), Told::Ready(described)) => described.name = true,
            (HostMessage::PortOpen(_, open), Told::Ready(described)) => described.host_open = *open,
            _ => {}
        }
    }
}
