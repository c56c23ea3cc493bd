//! The state machine behind every virtio bus (VIRTIO 1.2, sections 2.1, 2.2 and
//! 3.1): device status, features, queues, and when a device's queues start and
//! end. A bus has registers for this, and gives each queue its events.

mod fault;
pub(crate) mod features;
mod life;
pub(crate) mod queue;
pub(crate) mod status;

use std::io;
use std::sync::Arc;

use vm_memory::{GuestAddress, GuestMemoryMmap};
use vmm_sys_util::eventfd::EventFd;

use crate::virtio::{Notifier, StartedQueue, VirtioDevice};
use crate::wiring::{EventWiring, Gsi};
use features::{OfferedFeatures, half, with_half};
use life::{Broken, ConfigChange, Life, UsedBuffers};
use queue::QueueSetup;
use status::{NEEDS_RESET, Status};

pub use fault::{FaultSink, TransportFault};

/// What a device's transport finds in its machine.
pub struct Attachment {
    /// Guest memory.
    pub memory: GuestMemoryMmap,
    /// The hypervisor.
    pub wiring: Arc<dyn EventWiring>,
    /// The device's interrupt line: its own, since each of two that shared it would
    /// set it as if there were no other.
    pub line: Gsi,
    /// Who is told of what goes wrong.
    pub faults: FaultSink,
}

/// What a bus gives the queues of its device.
pub(crate) trait QueueEvents {
    /// Makes a queue's events: its kick, and what tells the driver of used
    /// buffers.
    ///
    /// # Errors
    ///
    /// The program has no descriptors left.
    fn connect(&mut self, queue: u16) -> io::Result<(EventFd, Arc<dyn Notifier>)>;

    /// Forgets the events of all queues, and what the driver was to be told.
    fn disconnect_all(&mut self);
}

/// A device, and how far its driver has come with it.
pub(crate) struct Transport {
    device: Box<dyn VirtioDevice>,
    memory: GuestMemoryMmap,
    faults: FaultSink,
    offered: OfferedFeatures,
    chosen: u64,
    status: Status,
    queues: Vec<QueueSetup>,
    life: Arc<Life>,
    config_change: Arc<ConfigChange>,
    /// Which half of the offered features the driver reads.
    pub(crate) device_feature_select: u32,
    /// Which half of the chosen features the driver writes.
    pub(crate) driver_feature_select: u32,
    /// Which queue the driver sets up. It need not exist.
    pub(crate) queue_select: u16,
}

impl Transport {
    /// A device that no driver has touched. `config_change` tells the driver
    /// that config space or the status changed.
    pub(crate) fn new(
        device: Box<dyn VirtioDevice>,
        memory: GuestMemoryMmap,
        faults: FaultSink,
        config_change: Arc<dyn Notifier>,
    ) -> Self {
        Self {
            offered: OfferedFeatures::new(device.features()),
            chosen: 0,
            status: Status::default(),
            queues: vec![QueueSetup::default(); usize::from(device.queue_count())],
            life: Arc::default(),
            config_change: Arc::new(ConfigChange::new(config_change)),
            device_feature_select: 0,
            driver_feature_select: 0,
            queue_select: 0,
            device,
            memory,
            faults,
        }
    }

    /// Which kind of device this is.
    pub(crate) fn device_id(&self) -> u16 {
        self.device.device_id()
    }

    /// How many queues it has.
    pub(crate) fn queue_count(&self) -> u16 {
        u16::try_from(self.queues.len()).unwrap_or(u16::MAX)
    }

    /// The selected half of the features that the device offers.
    pub(crate) fn device_features(&self) -> u32 {
        half(self.offered.bits(), self.device_feature_select)
    }

    /// The selected half of the features that the driver has chosen.
    pub(crate) fn driver_features(&self) -> u32 {
        half(self.chosen, self.driver_feature_select)
    }

    /// The driver chooses a half. Too late once the features are settled.
    pub(crate) fn choose_features(&mut self, value: u32) {
        if !self.status.has_features() {
            self.chosen = with_half(self.chosen, self.driver_feature_select, value);
        }
    }

    /// The device status.
    pub(crate) fn status(&self) -> u8 {
        match self.life.needs_reset() {
            true => self.status.bits() | NEEDS_RESET,
            false => self.status.bits(),
        }
    }

    /// The driver writes the device status.
    pub(crate) fn write_status(&mut self, value: u8, events: &mut dyn QueueEvents) {
        if value == 0 {
            return self.reset(events);
        }
        let was_running = self.status.is_running();
        self.status = self.status.advance(value, || {
            accept(&mut *self.device, self.offered, self.chosen, &self.faults)
        });
        if self.status.is_running() && !was_running {
            self.config_change.set_running(true);
            for index in 0..self.queue_count() {
                self.start_queue(index, events);
            }
        }
    }

    /// Forgets the driver, as if the device were new.
    pub(crate) fn reset(&mut self, events: &mut dyn QueueEvents) {
        self.config_change.set_running(false);
        self.life.end();
        self.device.reset();
        events.disconnect_all();
        self.life = Arc::default();
        self.status = Status::default();
        self.chosen = 0;
        self.device_feature_select = 0;
        self.driver_feature_select = 0;
        self.queue_select = 0;
        self.queues.fill(QueueSetup::default());
    }

    /// The selected queue; none where it does not exist.
    pub(crate) fn queue(&self) -> Option<&QueueSetup> {
        self.queues.get(usize::from(self.queue_select))
    }

    /// The driver sets up the selected queue, where there is one.
    pub(crate) fn set_up(&mut self, how: impl FnOnce(&mut QueueSetup)) {
        if let Some(queue) = self.queues.get_mut(usize::from(self.queue_select)) {
            how(queue);
        }
    }

    /// The driver enables the selected queue, or not. It starts with the device,
    /// or at once where the device runs.
    pub(crate) fn enable_queue(&mut self, enabled: bool, events: &mut dyn QueueEvents) {
        self.set_up(|queue| queue.enable(enabled));
        if self.status.is_running() {
            self.start_queue(self.queue_select, events);
        }
    }

    /// Which version of config space the driver reads.
    pub(crate) fn config_generation(&self) -> u8 {
        self.config_change.generation()
    }

    /// What tells the driver that config space changed.
    pub(crate) fn config_change(&self) -> Arc<dyn Notifier> {
        self.config_change.clone()
    }

    /// The driver reads config space.
    pub(crate) fn read_config(&self, offset: u64, into: &mut [u8]) {
        into.fill(0);
        self.device.read_config(offset, into);
    }

    /// The driver writes config space.
    pub(crate) fn write_config(&mut self, offset: u64, bytes: &[u8]) {
        self.device.write_config(offset, bytes);
    }

    /// Tells of something that went wrong.
    pub(crate) fn report(&self, fault: &TransportFault) {
        (self.faults)(fault);
    }

    /// Starts a queue that is enabled and has not started. One that cannot be
    /// started breaks the device, once: the others are not tried then.
    fn start_queue(&mut self, index: u16, events: &mut dyn QueueEvents) {
        let Some(queue) = self.queues.get_mut(usize::from(index)) else {
            return;
        };
        if !queue.enabled || queue.started || self.life.needs_reset() {
            return;
        }
        queue.started = true;
        let setup = *queue;
        if let Err(fault) = self.hand_over(index, setup, events) {
            self.report(&fault);
            self.life.break_it();
            self.config_change.bus().notify();
        }
    }

    fn hand_over(
        &mut self,
        index: u16,
        setup: QueueSetup,
        events: &mut dyn QueueEvents,
    ) -> Result<(), TransportFault> {
        let queue = index;
        let (kick, bus) = events
            .connect(index)
            .map_err(|source| TransportFault::Events { queue, source })?;
        let life = &self.life;
        self.device
            .start_queue(StartedQueue {
                index,
                size: setup.size,
                descriptors: GuestAddress(setup.descriptors),
                available: GuestAddress(setup.available),
                used: GuestAddress(setup.used),
                memory: self.memory.clone(),
                kick,
                used_buffers: Arc::new(UsedBuffers {
                    life: life.clone(),
                    bus,
                }),
                broken: Arc::new(Broken {
                    life: life.clone(),
                    bus: self.config_change.bus().clone(),
                }),
            })
            .map_err(|reason| TransportFault::Queue { queue, reason })
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.life.end();
        self.device.reset();
    }
}

fn accept(
    device: &mut dyn VirtioDevice,
    offered: OfferedFeatures,
    chosen: u64,
    faults: &FaultSink,
) -> bool {
    let fine = offered.allow(chosen) && device.accept_features(chosen);
    if !fine {
        let offered = offered.bits();
        faults(&TransportFault::Features { chosen, offered });
    }
    fine
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
