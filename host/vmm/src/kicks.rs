//! The queues' kicks: an eventfd for each started queue, wired to where the
//! driver notifies, wherever that is at the moment.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use vmm_sys_util::eventfd::EventFd;

use crate::wiring::{EventWiring, IoEvent, new_event};

/// How far a queue's notification address is from the next one's, in bytes.
/// One 32-bit register each, so that the address alone says which queue.
pub(crate) const NOTIFY_SPACING: u32 = 4;

/// Where the driver notifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotifyPlace {
    /// Nowhere: the device's memory is not decoded.
    Nowhere,
    /// Each queue has its own address, from this one on.
    Spaced(u64),
    /// All have this one, and the driver writes the queue's index to it.
    Shared(u64),
}

impl NotifyPlace {
    fn of(self, queue: u16) -> Option<IoEvent> {
        match self {
            Self::Nowhere => None,
            Self::Spaced(first) => Some(IoEvent {
                address: first
                    .saturating_add(u64::from(queue).saturating_mul(u64::from(NOTIFY_SPACING))),
                value: None,
            }),
            Self::Shared(address) => Some(IoEvent {
                address,
                value: Some(u32::from(queue)),
            }),
        }
    }
}

/// The kicks of a device's started queues.
pub(crate) struct Kicks {
    wiring: Arc<dyn EventWiring>,
    place: NotifyPlace,
    kicks: BTreeMap<u16, Kick>,
}

struct Kick {
    event: EventFd,
    wired: Option<IoEvent>,
}

impl Kicks {
    /// No queue has started.
    pub(crate) fn new(wiring: Arc<dyn EventWiring>, place: NotifyPlace) -> Self {
        let kicks = BTreeMap::new();
        Self {
            wiring,
            place,
            kicks,
        }
    }

    /// Makes a queue's kick. Returns the device's end of it.
    ///
    /// # Errors
    ///
    /// The program has no descriptors left.
    pub(crate) fn add(&mut self, queue: u16) -> io::Result<EventFd> {
        let event = new_event()?;
        let device_end = event.try_clone()?;
        let mut kick = Kick { event, wired: None };
        kick.wire(&*self.wiring, self.place.of(queue));
        if let Some(mut old) = self.kicks.insert(queue, kick) {
            old.wire(&*self.wiring, None);
        }
        Ok(device_end)
    }

    /// Kicks a queue from here: its notification was an exit. A queue that has
    /// not started, or does not exist, has no use for it.
    pub(crate) fn kick(&self, queue: u16) {
        if let Some(kick) = self.kicks.get(&queue) {
            // It cannot block, and a full one was kicked already.
            let _full = kick.event.write(1);
        }
    }

    /// The driver notifies there from now on.
    pub(crate) fn move_to(&mut self, place: NotifyPlace) {
        if std::mem::replace(&mut self.place, place) != place {
            for (queue, kick) in &mut self.kicks {
                kick.wire(&*self.wiring, place.of(*queue));
            }
        }
    }

    /// All queues have ended.
    pub(crate) fn clear(&mut self) {
        for kick in self.kicks.values_mut() {
            kick.wire(&*self.wiring, None);
        }
        self.kicks.clear();
    }
}

impl Kick {
    /// Wires it there, and nowhere else. Where the hypervisor does not take it
    /// (a guest can put two devices in one place) the notification is an exit,
    /// and [`Kicks::kick`] does the same.
    fn wire(&mut self, wiring: &dyn EventWiring, place: Option<IoEvent>) {
        if let Some(old) = self.wired.take() {
            // It was added, so it is there.
            let _cannot_fail = wiring.remove_io_event(old, &self.event);
        }
        self.wired = place.filter(|place| wiring.add_io_event(*place, &self.event).is_ok());
    }
}

impl Drop for Kicks {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
#[path = "kicks_tests.rs"]
mod tests;
