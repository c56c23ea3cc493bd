//! The device as a bus drives it, whatever the bus: features, config space, and
//! rings that are given to their owners.

use std::sync::Arc;

use portunus_device::config_space::ConfigSpace;
use portunus_device::features::{Features, UnofferedFeatures};
use portunus_device::layout::QueueIndex;

use crate::emergency::EmergencyConsole;
use crate::router::Router;
use crate::session::port::KickedRing;

/// A router's device, with what one driver has said of it.
pub(super) struct Device {
    router: Arc<Router>,
    emergency: EmergencyConsole,
    config: ConfigSpace,
    features: Features,
}

impl Device {
    /// A device that no driver has said anything to.
    pub(super) fn new(router: Arc<Router>) -> Self {
        let config = ConfigSpace::new(router.max_ports());
        Self {
            router,
            emergency: EmergencyConsole::default(),
            config,
            features: Features::default(),
        }
    }

    /// The ports behind it.
    pub(super) fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// What the driver took, once it has said so.
    pub(super) fn features(&self) -> Features {
        self.features
    }

    /// The driver takes these features; a bus's own bits are left out.
    pub(super) fn accept(&mut self, driver_bits: u64) -> Result<(), UnofferedFeatures> {
        self.features = Features::accept(driver_bits)?;
        self.router.negotiated(self.features);
        Ok(())
    }

    /// Reads config space; what is past its end reads as 0.
    pub(super) fn read_config(&self, offset: u64, into: &mut [u8]) {
        self.config.read(offset, into);
    }

    /// Writes config space; what cannot be written is ignored.
    pub(super) fn write_config(&mut self, offset: u64, bytes: &[u8]) {
        if let Some(byte) = self.config.write(offset, bytes) {
            self.emergency.write(byte);
        }
    }

    /// Gives a ring to its owner. False for a queue that the device does not
    /// have. Must be called within a tokio runtime.
    pub(super) fn attach(&self, index: QueueIndex, ring: KickedRing) -> bool {
        let attached = self.router.attach(index, ring);
        if !self.features.multiport() {
            self.router.open_single_port();
        }
        attached
    }
}
