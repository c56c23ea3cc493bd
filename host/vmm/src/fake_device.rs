//! A virtio device for tests, which keeps what its transport did with it.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use std::sync::{Arc, Mutex, MutexGuard};

use vm_memory::{Address, GuestAddress, GuestMemory, GuestMemoryMmap, Permissions};

use crate::registers;
use crate::transport::{Attachment, TransportFault};
use crate::virtio::{StartedQueue, VirtioDevice};
use crate::wiring::{EventWiring, Gsi};

pub(crate) const QUEUES: u16 = 6;
pub(crate) const LINE: Gsi = Gsi(9);
pub(crate) const MEMORY_BYTES: usize = 1 << 20;
/// EVENT_IDX, INDIRECT_DESC, a console's three; and what no transport has.
pub(crate) const FEATURES: u64 = 1 << 29 | 1 << 28 | 7 | 1 << 33 | 1 << 38 | 1 << 40;
/// What of it is offered.
pub(crate) const OFFERED: u64 = 1 << 32 | 1 << 29 | 1 << 28 | 7;

/// What tests see of the device, wherever it is.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) features: Option<u64>,
    pub(crate) refuse_features: bool,
    pub(crate) started: Vec<StartedQueue>,
    pub(crate) resets: u32,
    pub(crate) config: [u8; 12],
    pub(crate) faults: Vec<String>,
}

impl Seen {
    pub(crate) fn device(&self) -> Box<dyn VirtioDevice> {
        Box::new(FakeDevice(self.clone()))
    }

    pub(crate) fn attachment(&self, wiring: Arc<dyn EventWiring>) -> Attachment {
        let seen = self.clone();
        Attachment {
            memory: memory(),
            wiring,
            line: LINE,
            faults: Arc::new(move |fault: &TransportFault| {
                seen.state().faults.push(fault.to_string());
            }),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The queues that run, in the order of their start.
    pub(crate) fn running(&self) -> Vec<u16> {
        self.state()
            .started
            .iter()
            .map(|queue| queue.index)
            .collect()
    }

    /// Does something with a queue that runs.
    pub(crate) fn with_queue<T>(&self, index: u16, how: impl FnOnce(&StartedQueue) -> T) -> T {
        let state = self.state();
        how(state
            .started
            .iter()
            .find(|queue| queue.index == index)
            .unwrap())
    }

    /// How often a queue was kicked since this was asked last; 0 for none.
    pub(crate) fn kicks(&self, index: u16) -> u64 {
        self.with_queue(index, |queue| queue.kick.read().unwrap_or(0))
    }

    /// The device used buffers of a queue.
    pub(crate) fn use_buffers(&self, index: u16) {
        self.with_queue(index, |queue| queue.used_buffers.notify());
    }
}

pub(crate) fn memory() -> GuestMemoryMmap {
    GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY_BYTES)]).unwrap()
}

struct FakeDevice(Seen);

impl VirtioDevice for FakeDevice {
    fn device_id(&self) -> u16 {
        3
    }

    fn queue_count(&self) -> u16 {
        QUEUES
    }

    fn features(&self) -> u64 {
        FEATURES
    }

    fn accept_features(&mut self, features: u64) -> bool {
        let mut state = self.0.state();
        state.features = Some(features);
        !state.refuse_features
    }

    fn read_config(&self, offset: u64, into: &mut [u8]) {
        registers::read(&self.0.state().config, offset, into);
    }

    fn write_config(&mut self, offset: u64, bytes: &[u8]) {
        registers::set(&mut self.0.state().config, offset, bytes);
    }

    fn start_queue(&mut self, queue: StartedQueue) -> Result<(), String> {
        let size = usize::from(queue.size);
        let parts = [
            (queue.descriptors, 16 * size),
            (queue.available, 6 + 2 * size),
            (queue.used, 6 + 8 * size),
        ];
        for (address, bytes) in parts {
            if !queue
                .memory
                .check_range(address, bytes, Permissions::ReadWrite)
            {
                return Err(format!("{:#x} is not in memory", address.raw_value()));
            }
        }
        let mut state = self.0.state();
        assert!(state.started.iter().all(|other| other.index != queue.index));
        state.started.push(queue);
        Ok(())
    }

    fn reset(&mut self) {
        let mut state = self.0.state();
        state.started.clear();
        state.features = None;
        state.resets += 1;
    }
}
