//! A port with the guest's half of its rings, for tests.

use std::fs::File;
use std::io::PipeWriter;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use portunus_device::fake_driver::{
    Backing, DriverRing, GuestRam, InterruptCounter, ReceiveDriver, TransmitDriver,
};
use portunus_device::layout::PortId;

use super::port::KickedRing;
use super::{Port, PortLimits};
use crate::kick::Kick;

pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// An open port, with the guest's half of its rings.
pub(super) struct Rig {
    pub(super) port: Arc<Port>,
    pub(super) transmit: TransmitDriver,
    pub(super) receive: ReceiveDriver,
    ram: GuestRam,
    kicks: Vec<PipeWriter>,
}

impl Rig {
    pub(super) fn new(console: bool, limits: PortLimits) -> Self {
        let mut ram = GuestRam::new(8 << 20, Backing::Anonymous).unwrap();
        let transmit = TransmitDriver::new(&mut ram, 64, false, 32 * 1024).unwrap();
        let receive = ReceiveDriver::new(&mut ram, 256, false, 4096).unwrap();
        let port = Port::new(PortId::ZERO, "test".into(), console, limits);
        let mut rig = Self {
            port: Arc::new(port),
            transmit,
            receive,
            ram,
            kicks: Vec::new(),
        };
        let ring = rig.ring(|rig| rig.transmit.ring());
        rig.port.attach_transmit(ring);
        let ring = rig.ring(|rig| rig.receive.ring());
        rig.port.attach_receive(ring);
        rig.port.guest_opened();
        let opened = rig.port.next_edge(true).unwrap();
        rig.port.tell(opened);
        rig
    }

    fn ring(&mut self, driver: impl FnOnce(&mut Self) -> &mut DriverRing) -> KickedRing {
        let spec = driver(self).spec();
        let ring = spec.activate(self.ram.memory(), Arc::new(InterruptCounter::default()));
        let (reader, writer) = std::io::pipe().unwrap();
        self.kicks.push(writer);
        KickedRing {
            ring: ring.unwrap(),
            kick: Kick::new(File::from(OwnedFd::from(reader))).unwrap(),
            error: Arc::new(InterruptCounter::default()),
        }
    }

    /// Takes what the guest wrote until there is nothing, or it must wait.
    pub(super) fn pull(&self) -> usize {
        let mut buffer = vec![0; 64 << 10];
        std::iter::from_fn(|| Some(self.port.pull(&mut buffer)).filter(|bytes| *bytes > 0)).sum()
    }

    /// Waits for the port's word that there is something to do.
    pub(super) async fn changed(&self, data: bool) {
        let changed = tokio::time::timeout(DEADLINE, self.port.changed(data));
        changed.await.expect("a change in time");
    }

    /// The new driver of a guest that reboots: its transmit ring, from the start.
    pub(super) fn reboot(&mut self) {
        self.port.detach_transmit();
        self.transmit.reset().unwrap();
        let ring = self.ring(|rig| rig.transmit.ring());
        self.port.attach_transmit(ring);
        self.port.begin_anew();
    }
}
