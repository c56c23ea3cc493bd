//! A device that its transport has until the machine is over, and that its owner
//! then gets back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::virtio::{StartedQueue, VirtioDevice};

/// The transport's end: a device like any other.
pub(crate) struct Lent(Shared);

/// The owner's end.
pub(crate) struct Loan(Shared);

/// The lock is never waited for: the owner takes no look before
/// [`Loan::give_back`].
type Shared = Arc<Mutex<Box<dyn VirtioDevice>>>;

/// Lends a device.
pub(crate) fn lend(device: Box<dyn VirtioDevice>) -> (Lent, Loan) {
    let shared = Arc::new(Mutex::new(device));
    (Lent(Arc::clone(&shared)), Loan(shared))
}

impl Loan {
    /// Takes it back. None while the transport still has it.
    pub(crate) fn give_back(self) -> Option<Box<dyn VirtioDevice>> {
        let device = Arc::into_inner(self.0)?;
        Some(device.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lent {
    fn device(&self) -> MutexGuard<'_, Box<dyn VirtioDevice>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VirtioDevice for Lent {
    fn device_id(&self) -> u16 {
        self.device().device_id()
    }

    fn queue_count(&self) -> u16 {
        self.device().queue_count()
    }

    fn features(&self) -> u64 {
        self.device().features()
    }

    fn accept_features(&mut self, features: u64) -> bool {
        self.device().accept_features(features)
    }

    fn read_config(&self, offset: u64, into: &mut [u8]) {
        self.device().read_config(offset, into);
    }

    fn write_config(&mut self, offset: u64, bytes: &[u8]) {
        self.device().write_config(offset, bytes);
    }

    fn start_queue(&mut self, queue: StartedQueue) -> Result<(), String> {
        self.device().start_queue(queue)
    }

    fn reset(&mut self) {
        self.device().reset();
    }
}
