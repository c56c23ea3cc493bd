//! A machine in this process: a fake guest driver in memory that is shared with
//! the device, and the vhost-user front end that brings the two together.

pub mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use portunus_device::control::HostMessage;
use portunus_device::fake_driver::{Backing, FakeGuest, FakeGuestSpec};
use portunus_device::features::Features;
use portunus_device::layout::{PortId, QueueIndex};
use vhost::vhost_user::message::{
    VhostUserConfigFlags, VhostUserHeaderFlag, VhostUserProtocolFeatures, VhostUserVirtioFeatures,
};
use vhost::vhost_user::{Frontend, VhostUserFrontend};
use vhost::{VhostBackend, VhostUserMemoryRegionInfo, VringConfigData};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};
use vmm_sys_util::poll::PollContext;

use crate::guest::DEADLINE;

/// What the front end adds to a guest's address to name it. Never zero, so that
/// a device that mixes the two up is noticed.
pub const ADDRESS_OFFSET: u64 = 0x7000_0000_0000;

/// The feature bit (VIRTIO 1.2, section 6).
const EVENT_IDX: u64 = 1 << 29;

/// A front end with its guest.
pub struct FrontEnd {
    /// The guest. After a write of its driver, [`FrontEnd::kick`].
    pub guest: FakeGuest,
    /// What the device offered.
    pub offered: Offered,
    /// What the device has said to the guest over this connection.
    pub told: Vec<HostMessage>,
    device: Frontend,
    kicks: BTreeMap<QueueIndex, EventFd>,
    errors: BTreeMap<QueueIndex, EventFd>,
    /// Rung for every queue.
    call: EventFd,
}

/// What a device offers before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// Feature bits, those of the transport included.
    pub features: u64,
    /// Of the protocol.
    pub protocol: VhostUserProtocolFeatures,
    /// How many queues.
    pub queues: u64,
}

impl FrontEnd {
    /// A new guest boots with the device at `socket`.
    pub fn boot(socket: &Path, spec: FakeGuestSpec) -> Self {
        let spec = FakeGuestSpec {
            backing: Backing::Shared,
            ..spec
        };
        let mut front_end = Self::connect(socket, FakeGuest::new(spec).unwrap());
        front_end.guest.start().unwrap();
        front_end.kick();
        front_end
    }

    /// Connects a guest that may be running already: its rings go on where the
    /// device that had them has stopped.
    pub fn connect(socket: &Path, guest: FakeGuest) -> Self {
        Self::converse(dial(socket), guest)
    }

    /// As [`Self::connect`], on a connection that is there.
    pub fn converse(stream: UnixStream, guest: FakeGuest) -> Self {
        /// As many as the protocol's numbers reach.
        const QUEUES: u64 = 256;
        let mut device = Frontend::from_stream(stream, QUEUES);
        device.set_owner().unwrap();
        let features = device.get_features().unwrap();
        let protocol = device.get_protocol_features().unwrap();
        device.set_protocol_features(protocol).unwrap();
        device.set_hdr_flags(VhostUserHeaderFlag::NEED_REPLY);
        let queues = device.get_queue_num().unwrap();
        let mut front_end = Self {
            guest,
            offered: Offered {
                features,
                protocol,
                queues,
            },
            told: Vec::new(),
            device,
            kicks: BTreeMap::new(),
            errors: BTreeMap::new(),
            call: eventfd(),
        };
        front_end.share_memory();
        front_end.start_rings();
        front_end
    }

    /// Sends the memory table, for the first time or again.
    pub fn share_memory(&self) {
        let regions: Vec<_> = self.guest.ram().regions().iter().map(share).collect();
        self.device.set_mem_table(&regions).unwrap();
    }

    /// Negotiates, and starts every ring where the guest's driver has it.
    pub fn start_rings(&mut self) {
        let specs = self.guest.queue_specs();
        let event_idx = specs.values().any(|spec| spec.event_idx);
        let mut features = Features::offered().bits();
        if !event_idx {
            features &= !EVENT_IDX;
        }
        let transport = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();
        self.device.set_features(features | transport).unwrap();
        for (index, spec) in specs {
            let base = self.guest.ring(index).unwrap().used_index().unwrap();
            let (kick, error) = (eventfd(), eventfd());
            let number = usize::from(index.0);
            let (device, address) = (&mut self.device, |at: u64| at + ADDRESS_OFFSET);
            device.set_vring_num(number, spec.size).unwrap();
            device.set_vring_base(number, base).unwrap();
            let addresses = VringConfigData {
                queue_max_size: spec.size,
                queue_size: spec.size,
                flags: 0,
                desc_table_addr: address(spec.descriptors.0),
                used_ring_addr: address(spec.used.0),
                avail_ring_addr: address(spec.available.0),
                log_addr: None,
            };
            device.set_vring_addr(number, &addresses).unwrap();
            device.set_vring_err(number, &error).unwrap();
            device.set_vring_call(number, &self.call).unwrap();
            device.set_vring_kick(number, &kick).unwrap();
            device.set_vring_enable(number, true).unwrap();
            self.kicks.insert(index, kick);
            self.errors.insert(index, error);
        }
    }

    /// Takes every ring from the device. Returns where each stood.
    pub fn stop_rings(&mut self) -> BTreeMap<QueueIndex, u32> {
        let queues = self.kicks.keys();
        queues
            .map(|index| {
                let base = self.device.get_vring_base(usize::from(index.0)).unwrap();
                (*index, base)
            })
            .collect()
    }

    /// The guest reboots: the device is reset, and its driver begins anew.
    pub fn reboot(&mut self) {
        self.device.reset_device().unwrap();
        self.guest.reset().unwrap();
        self.start_rings();
        self.guest.start().unwrap();
        self.kick();
    }

    /// Reads the device's configuration.
    pub fn config(&mut self, offset: u32, size: usize) -> Vec<u8> {
        let empty = vec![0; size];
        let flags = VhostUserConfigFlags::empty();
        let size = u32::try_from(size).unwrap();
        let (_, bytes) = self.device.get_config(offset, size, flags, &empty).unwrap();
        bytes
    }

    /// Writes to the device's configuration.
    pub fn set_config(&mut self, offset: u32, bytes: &[u8]) {
        let flags = VhostUserConfigFlags::WRITABLE;
        self.device.set_config(offset, flags, bytes).unwrap();
    }

    /// Kicks the queues that the device wants to be kicked for.
    pub fn kick(&mut self) {
        for index in self.guest.take_kicks().unwrap() {
            self.kick_queue(index);
        }
    }

    /// Kicks one queue, wanted or not.
    pub fn kick_queue(&self, index: QueueIndex) {
        self.kicks.get(&index).unwrap().write(1).unwrap();
    }

    /// Lets the guest's driver do its work until `look` has seen something.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut FakeGuest) -> Option<T>) -> T {
        self.until_told(what, |guest, _told| look(guest))
    }

    /// As [`Self::until`]; `look` also sees all that the device has said over
    /// this connection.
    pub fn until_told<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&mut FakeGuest, &[HostMessage]) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            // Interrupts first, then a look: what comes later rings.
            self.guest.enable_interrupts().unwrap();
            self.told.extend(self.guest.pump().unwrap());
            let seen = look(&mut self.guest, &self.told);
            self.kick();
            if let Some(seen) = seen {
                return seen;
            }
            wait(&self.call, deadline, what);
        }
    }

    /// Waits until the device has told that a ring is broken.
    pub fn until_error(&self, index: QueueIndex) {
        let bell = self.errors.get(&index).unwrap();
        wait(bell, Instant::now() + DEADLINE, "an error");
    }

    /// The rings that the device has told are broken, since the last call.
    pub fn take_errors(&self) -> BTreeSet<QueueIndex> {
        let told = self.errors.iter().filter(|(_, bell)| bell.read().is_ok());
        told.map(|(index, _)| *index).collect()
    }

    /// Waits until a port of this name can be used, and gives its number.
    pub fn port(&mut self, name: &str) -> PortId {
        self.until(&format!("port {name}"), |guest| {
            let mut ports = guest.ports();
            let found = ports.find(|(_, port)| {
                port.host_open
                    && port
                        .name
                        .as_ref()
                        .is_some_and(|known| known.as_str() == name)
            });
            found.map(|(id, _)| id)
        })
    }

    /// Waits until a port of this name can be used, and opens it; then waits as
    /// Linux does until the device knows.
    pub fn open(&mut self, name: &str) -> PortId {
        let id = self.port(name);
        self.guest.open(id).unwrap();
        self.until_returned();
        id
    }

    /// Closes a port, and waits as Linux does until the device knows.
    pub fn close(&mut self, id: PortId) {
        self.guest.close(id).unwrap();
        self.until_returned();
    }

    /// Waits until the device has returned every control message.
    pub fn until_returned(&mut self) {
        self.until("control messages returned", |guest| {
            guest.control_returned().unwrap().then_some(())
        });
    }

    /// Waits until the device has completed so many chains of a queue.
    pub fn until_used(&mut self, index: QueueIndex, chains: u16) {
        self.until(&format!("{chains} chains of queue {}", index.0), |guest| {
            let used = guest.ring(index).unwrap().used_index().unwrap();
            (used == chains).then_some(())
        });
    }

    /// Writes to a port, and reads until as much has come back.
    pub fn exchange(&mut self, id: PortId, data: &[u8]) -> Vec<u8> {
        let (mut rest, mut back) = (data, Vec::new());
        self.until("all bytes back", |guest| {
            let written = guest.write(id, rest).unwrap();
            rest = rest.split_at(written).1;
            back.extend(guest.read(id).unwrap());
            (back.len() >= data.len()).then_some(())
        });
        back
    }

    /// Asserts that a port answers every byte.
    pub fn assert_echo(&mut self, id: PortId, data: &[u8]) {
        let back = self.exchange(id, data);
        assert!(back == data, "port {id}: {} bytes came back", back.len());
    }

    /// Disconnects. The guest goes on without a device.
    pub fn leave(self) -> FakeGuest {
        self.guest
    }
}

/// Connects to a device. No answer is waited for longer than [`DEADLINE`].
pub fn dial(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn share(region: &portunus_device::fake_driver::RamRegion) -> VhostUserMemoryRegionInfo {
    let (file, offset) = region.file.as_ref().unwrap();
    VhostUserMemoryRegionInfo {
        guest_phys_addr: region.guest_address.0,
        memory_size: region.bytes.try_into().unwrap(),
        userspace_addr: region.guest_address.0 + ADDRESS_OFFSET,
        mmap_offset: *offset,
        mmap_handle: file.as_raw_fd(),
    }
}

fn eventfd() -> EventFd {
    EventFd::new(EFD_NONBLOCK).unwrap()
}

/// Waits until it is rung, and takes that.
fn wait(bell: &EventFd, deadline: Instant, what: &str) {
    let left = deadline.saturating_duration_since(Instant::now());
    let context: PollContext<u32> = PollContext::new().unwrap();
    context.add(bell, 0).unwrap();
    let rung = context.wait_timeout(left).unwrap().iter().count() > 0;
    assert!(rung, "nothing within {DEADLINE:?}: {what}");
    bell.read().unwrap();
}
