//! The device in a machine of our own: what its transport asks, on the threads of
//! vCPUs, is handed to the router.

use std::sync::Arc;

use portunus_device::features::Features;
use portunus_device::layout::{QueueIndex, queue_count};
use portunus_device::ring::QueueSpec;
use portunus_device::{Interrupt, Memory};
use portunus_vmm::virtio::{Notifier, StartedQueue, VirtioDevice};
use tokio::runtime::Handle;

use crate::door::device::Device;
use crate::kick::Kick;
use crate::router::Router;
use crate::session::port::KickedRing;

/// A console, in virtio's list of devices (VIRTIO 1.2, section 5).
const CONSOLE: u16 = 3;

/// The virtio-serial device of one machine.
pub struct ConsoleDevice {
    device: Device,
    /// The queues that the router has.
    started: Vec<QueueIndex>,
    runtime: Handle,
    vm: tracing::Span,
}

impl ConsoleDevice {
    /// A router's device. Must be called within the tokio runtime that the
    /// router's tasks run in.
    pub fn new(router: Arc<Router>) -> Self {
        let vm = router.span().clone();
        Self {
            device: Device::new(router),
            started: Vec::new(),
            runtime: Handle::current(),
            vm,
        }
    }

    fn attach(&mut self, queue: StartedQueue) -> Result<(), String> {
        let StartedQueue {
            index,
            size,
            descriptors,
            available,
            used,
            memory,
            kick,
            used_buffers,
            broken,
        } = queue;
        let spec = QueueSpec {
            size,
            descriptors,
            available,
            used,
            next_available: 0,
            next_used: Some(0),
            event_idx: self.device.features().event_idx(),
        };
        let told = Arc::new(Told(used_buffers));
        let ring = spec
            .activate(Memory::new(memory), told)
            .map_err(|fault| fault.to_string())?;
        let kick = Kick::of_eventfd(&kick)
            .map_err(|fault| format!("its notifications cannot be waited for: {fault}"))?;
        let error = Arc::new(Told(broken));
        let index = QueueIndex(index);
        if !self.device.attach(index, KickedRing { ring, kick, error }) {
            return Err("the device has no such queue".to_owned());
        }
        self.started.push(index);
        Ok(())
    }
}

impl VirtioDevice for ConsoleDevice {
    fn device_id(&self) -> u16 {
        CONSOLE
    }

    fn queue_count(&self) -> u16 {
        queue_count(self.device.router().max_ports())
    }

    fn features(&self) -> u64 {
        Features::offered().bits()
    }

    fn accept_features(&mut self, features: u64) -> bool {
        self.device.accept(features).is_ok()
    }

    fn read_config(&self, offset: u64, into: &mut [u8]) {
        self.device.read_config(offset, into);
    }

    fn write_config(&mut self, offset: u64, bytes: &[u8]) {
        let _vm = self.vm.enter();
        self.device.write_config(offset, bytes);
    }

    fn start_queue(&mut self, queue: StartedQueue) -> Result<(), String> {
        let (runtime, vm) = (self.runtime.clone(), self.vm.clone());
        let (_runtime, _vm) = (runtime.enter(), vm.enter());
        self.attach(queue)
    }

    fn reset(&mut self) {
        let _vm = self.vm.clone().entered();
        let router = self.device.router();
        for index in self.started.drain(..) {
            router.detach(index);
        }
        router.reset();
    }
}

/// Tells the driver, as rings tell it.
struct Told(Arc<dyn Notifier>);

impl Interrupt for Told {
    fn signal(&self) {
        self.0.notify();
    }
}
