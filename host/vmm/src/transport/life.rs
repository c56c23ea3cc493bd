//! A device's life from one reset to the next, for those who tell the driver
//! something from other threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::virtio::Notifier;

/// Whether this life is over, or broken.
#[derive(Debug, Default)]
pub(super) struct Life {
    over: AtomicBool,
    needs_reset: AtomicBool,
}

impl Life {
    /// Ends it: what is still said in its name tells nobody.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Whether the device needs a reset.
    pub(super) fn needs_reset(&self) -> bool {
        self.needs_reset.load(Ordering::SeqCst)
    }

    /// Says that the device needs a reset. False where this life is over.
    pub(super) fn break_it(&self) -> bool {
        self.needs_reset.store(true, Ordering::SeqCst);
        !self.over.load(Ordering::SeqCst)
    }
}

/// Tells the driver of used buffers, as long as their queue lives.
pub(super) struct UsedBuffers {
    pub(super) life: Arc<Life>,
    pub(super) bus: Arc<dyn Notifier>,
}

impl Notifier for UsedBuffers {
    fn notify(&self) {
        if !self.life.over.load(Ordering::SeqCst) {
            self.bus.notify();
        }
    }
}

/// Tells the driver that the device needs a reset, as long as its queue lives.
pub(super) struct Broken {
    pub(super) life: Arc<Life>,
    pub(super) bus: Arc<dyn Notifier>,
}

impl Notifier for Broken {
    fn notify(&self) {
        if self.life.break_it() {
            self.bus.notify();
        }
    }
}

/// Tells the driver that config space changed (VIRTIO 1.2, section 2.5.1): with
/// a new generation, and, once the driver is ready, an interrupt.
pub(super) struct ConfigChange {
    generation: AtomicU8,
    running: AtomicBool,
    bus: Arc<dyn Notifier>,
}

impl ConfigChange {
    /// The driver is not ready.
    pub(super) fn new(bus: Arc<dyn Notifier>) -> Self {
        Self {
            generation: AtomicU8::new(0),
            running: AtomicBool::new(false),
            bus,
        }
    }

    /// Which version of config space this is. Wraps around.
    pub(super) fn generation(&self) -> u8 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Whether the driver is ready.
    pub(super) fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::SeqCst);
    }

    /// The bus's own, which tells of a changed status too.
    pub(super) fn bus(&self) -> &Arc<dyn Notifier> {
        &self.bus
    }
}

impl Notifier for ConfigChange {
    fn notify(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        if self.running.load(Ordering::SeqCst) {
            self.bus.notify();
        }
    }
}
