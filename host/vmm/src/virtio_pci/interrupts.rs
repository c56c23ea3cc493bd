//! How a PCI device tells its driver: by a message for each vector that the
//! driver gave a queue, or by the line.
//!
//! Each source (the configuration, and each queue) has an eventfd, and that is
//! all that a queue's task shares with a vCPU. While the source's vector is
//! unmasked, the hypervisor sends its message for each signal. While it is
//! masked, the signal stays in the eventfd, which so is the pending bit: nothing
//! is lost, whichever thread comes first.

use std::io;
use std::sync::Arc;

use vmm_sys_util::eventfd::EventFd;

use super::msix::Msix;
use crate::interrupt_line::{CONFIG_CHANGE, InterruptLine, USED_BUFFERS};
use crate::transport::{FaultSink, TransportFault};
use crate::virtio::Notifier;
use crate::wiring::{EventWiring, Gsi, MsiMessage, new_event};

/// A source's vector where it has none (VIRTIO 1.2, section 4.1.5.1.2).
pub(super) const NO_VECTOR: u16 = 0xffff;

/// The interrupts of one device.
pub(super) struct Interrupts {
    wiring: Arc<dyn EventWiring>,
    line: Arc<InterruptLine>,
    msix: Msix,
    config_event: Arc<EventFd>,
    config: Source,
    queues: Vec<Source>,
    faults: FaultSink,
}

/// What an interrupt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The configuration or the status changed.
    Config,
    /// This queue has used buffers.
    Queue(u16),
}

struct Source {
    vector: u16,
    /// None where its queue has not started.
    event: Option<Arc<EventFd>>,
    connected: Option<(Gsi, MsiMessage)>,
}

impl Interrupts {
    /// The line is used, and no source has a vector.
    ///
    /// # Errors
    ///
    /// The program has no descriptors left.
    pub(super) fn new(
        wiring: Arc<dyn EventWiring>,
        line: InterruptLine,
        vectors: u16,
        queues: u16,
        faults: FaultSink,
    ) -> io::Result<Self> {
        let config_event = Arc::new(new_event()?);
        Ok(Self {
            wiring,
            line: Arc::new(line),
            msix: Msix::new(vectors),
            config: Source::new(Some(config_event.clone())),
            config_event,
            queues: (0..queues).map(|_| Source::new(None)).collect(),
            faults,
        })
    }

    /// The line, and why it is high.
    pub(super) fn line(&self) -> &InterruptLine {
        &self.line
    }

    /// What tells the driver that the configuration or the status changed.
    pub(super) fn config_change(&self) -> Arc<dyn Notifier> {
        self.teller(self.config_event.clone(), CONFIG_CHANGE)
    }

    /// A queue starts. Returns what tells the driver of its used buffers.
    ///
    /// # Errors
    ///
    /// The program has no descriptors left.
    pub(super) fn start(&mut self, queue: u16) -> io::Result<Arc<dyn Notifier>> {
        let event = Arc::new(new_event()?);
        self.change(Why::Queue(queue), |source| {
            source.event = Some(event.clone());
        });
        Ok(self.teller(event, USED_BUFFERS))
    }

    /// A source's vector, [`NO_VECTOR`] for one that does not exist.
    pub(super) fn vector(&self, of: Why) -> u16 {
        match of {
            Why::Config => self.config.vector,
            Why::Queue(queue) => {
                let source = self.queues.get(usize::from(queue));
                source.map_or(NO_VECTOR, |source| source.vector)
            }
        }
    }

    /// Gives a source a vector. One that the table does not have is none, and so
    /// the driver reads that there is none (section 4.1.5.1.2.1).
    pub(super) fn set_vector(&mut self, of: Why, vector: u16) {
        let exists = vector < self.msix.vectors();
        self.change(of, |source| {
            source.vector = if exists { vector } else { NO_VECTOR };
        });
    }

    /// What MSI-X's message control register says.
    pub(super) fn set_control(&mut self, control: u16) {
        if self.msix.set_control(control) {
            self.line.use_it(!self.msix.is_enabled());
            self.settle(|_| true);
        }
    }

    /// Reads the vectors.
    pub(super) fn read_table(&self, offset: u64, into: &mut [u8]) {
        self.msix.read(offset, into);
    }

    /// Writes the vectors.
    pub(super) fn write_table(&mut self, offset: u64, bytes: &[u8]) {
        let changed = self.msix.write(offset, bytes);
        self.settle(|vector| changed.contains(&vector));
    }

    /// Reads the pending bits. Writes to them are ignored.
    pub(super) fn read_pending(&self, offset: u64, into: &mut [u8]) {
        into.fill(0);
        for source in std::iter::once(&self.config).chain(&self.queues) {
            let byte = u64::from(source.vector / 8).checked_sub(offset);
            let place = byte.and_then(|byte| into.get_mut(usize::try_from(byte).ok()?));
            if let Some(place) = place
                && source.is_pending()
            {
                *place |= 1 << (source.vector % 8);
            }
        }
    }

    /// All queues have ended, and no source has a vector: the device was reset.
    /// The table is the bus's, and stays (PCI 3.0 knows no reset of a device by
    /// its driver).
    pub(super) fn reset(&mut self) {
        for source in std::iter::once(&mut self.config).chain(&mut self.queues) {
            source.vector = NO_VECTOR;
            source.settle(None, &*self.wiring, &self.faults);
        }
        for source in &mut self.queues {
            source.event = None;
        }
        // Nobody is told any more of what was pending.
        let _nothing_pending = self.config_event.read();
        self.line.acknowledge(u8::MAX);
    }

    /// The bus was reset: the table is as it was made, too.
    pub(super) fn reset_bus(&mut self) {
        self.reset();
        self.msix = Msix::new(self.msix.vectors());
        self.line.use_it(true);
    }

    fn teller(&self, event: Arc<EventFd>, cause: u8) -> Arc<dyn Notifier> {
        Arc::new(Teller {
            event,
            line: self.line.clone(),
            cause,
        })
    }

    fn change(&mut self, of: Why, how: impl FnOnce(&mut Source)) {
        let source = match of {
            Why::Config => Some(&mut self.config),
            Why::Queue(queue) => self.queues.get_mut(usize::from(queue)),
        };
        if let Some(source) = source {
            how(source);
            let message = self.msix.message(source.vector);
            source.settle(message, &*self.wiring, &self.faults);
        }
    }

    /// Connects and disconnects those sources whose vectors changed.
    fn settle(&mut self, changed: impl Fn(u16) -> bool) {
        for source in std::iter::once(&mut self.config).chain(&mut self.queues) {
            if changed(source.vector) {
                let message = self.msix.message(source.vector);
                source.settle(message, &*self.wiring, &self.faults);
            }
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.reset();
    }
}

impl Source {
    fn new(event: Option<Arc<EventFd>>) -> Self {
        Self {
            vector: NO_VECTOR,
            event,
            connected: None,
        }
    }

    /// Has this message sent for each signal, or none.
    fn settle(
        &mut self,
        message: Option<MsiMessage>,
        wiring: &dyn EventWiring,
        faults: &FaultSink,
    ) {
        let Some(event) = &self.event else {
            return;
        };
        if self.connected.map(|(_, message)| message) == message {
            return;
        }
        if let Some((gsi, _)) = self.connected.take() {
            // It was connected, so it is there.
            let _cannot_fail = wiring.disconnect_message(gsi, event);
        }
        let Some(message) = message else {
            return;
        };
        // What was signalled while nothing was connected is signalled anew: it
        // is sent once, and is not pending any more.
        let pending = event.read().is_ok();
        match wiring.connect_message(message, event) {
            Ok(gsi) => self.connected = Some((gsi, message)),
            Err(source) => {
                let vector = self.vector;
                faults(&TransportFault::Vector { vector, source });
            }
        }
        if pending {
            ring(event);
        }
    }

    /// Whether something was signalled that nothing was sent for.
    fn is_pending(&self) -> bool {
        match &self.event {
            Some(event) if self.connected.is_none() && event.read().is_ok() => {
                ring(event);
                true
            }
            _ => false,
        }
    }
}

/// Tells the driver of one source, whichever way the driver is told.
struct Teller {
    event: Arc<EventFd>,
    line: Arc<InterruptLine>,
    cause: u8,
}

impl Notifier for Teller {
    fn notify(&self) {
        if !self.line.raise(self.cause) {
            ring(&self.event);
        }
    }
}

fn ring(event: &EventFd) {
    // It cannot block, and a full one was rung already.
    let _full = event.write(1);
}

#[cfg(test)]
#[path = "interrupts_tests.rs"]
mod tests;
