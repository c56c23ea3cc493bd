//! A whole guest driver, as Linux's `drivers/char/virtio_console.c` behaves.

use std::collections::{BTreeMap, VecDeque};

use super::{
    Backing, DriverRing, FakeDriverError, GuestRam, PAGE_BYTES, ReceiveDriver, TransmitDriver,
};
use crate::config_space::ConsoleSize;
use crate::control::{GuestMessage, HostMessage};
use crate::layout::{
    MaxPorts, PortId, PortName, QueueIndex, QueueRole, queue_count, queue_index, queue_role,
    receive_queue, transmit_queue,
};
use crate::ring::QueueSpec;

type Result<T> = std::result::Result<T, FakeDriverError>;

/// What a fake guest is made of.
#[derive(Debug, Clone, Copy)]
pub struct FakeGuestSpec {
    /// The device's size.
    pub max_ports: MaxPorts,
    /// The size of each of its queues, in descriptors and in buffers: a power
    /// of two.
    pub queue_size: u16,
    /// Whether it negotiates `EVENT_IDX`.
    pub event_idx: bool,
    /// Where its memory is.
    pub backing: Backing,
}

impl Default for FakeGuestSpec {
    fn default() -> Self {
        Self {
            max_ports: MaxPorts::default(),
            queue_size: 16,
            event_idx: true,
            backing: Backing::Anonymous,
        }
    }
}

/// A port, as the guest knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestPort {
    /// The name that the host gave it.
    pub name: Option<PortName>,
    /// Whether it is a console.
    pub console: bool,
    /// A console's size, where the host has told.
    pub size: Option<ConsoleSize>,
    /// Whether the host's end is open.
    pub host_open: bool,
    /// Whether a program in the guest, or its console layer, has it open.
    pub guest_open: bool,
    /// Bytes that came while it was not, and were thrown away.
    pub thrown_away: u64,
}

/// The guest's side of a whole device.
pub struct FakeGuest {
    ram: GuestRam,
    max_ports: MaxPorts,
    transmit: BTreeMap<QueueIndex, TransmitDriver>,
    receive: BTreeMap<QueueIndex, ReceiveDriver>,
    ports: BTreeMap<PortId, GuestPort>,
    /// Control messages that found no buffer yet, where Linux would spin.
    unsent: VecDeque<Vec<u8>>,
}

impl FakeGuest {
    /// A guest with memory and empty queues. The device has not been told
    /// anything: see [`Self::queue_specs`], then [`Self::start`].
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Memory`].
    pub fn new(spec: FakeGuestSpec) -> Result<Self> {
        /// More than the parts of a queue need beside its buffers.
        const SPARE_BYTES_PER_DESCRIPTOR: usize = 64;
        let buffer = usize::try_from(PAGE_BYTES).unwrap_or(0);
        let queues = usize::from(queue_count(spec.max_ports));
        let bytes = buffer
            .saturating_add(SPARE_BYTES_PER_DESCRIPTOR)
            .saturating_mul(usize::from(spec.queue_size))
            .saturating_add(buffer)
            .saturating_mul(queues)
            .next_multiple_of(buffer.max(1));
        let mut guest = Self {
            ram: GuestRam::new(bytes, spec.backing)?,
            max_ports: spec.max_ports,
            transmit: BTreeMap::new(),
            receive: BTreeMap::new(),
            ports: BTreeMap::new(),
            unsent: VecDeque::new(),
        };
        let (size, event_idx) = (spec.queue_size, spec.event_idx);
        for number in 0..queue_count(spec.max_ports) {
            let index = QueueIndex(number);
            let ram = &mut guest.ram;
            match queue_role(index, spec.max_ports) {
                Some(QueueRole::PortReceive(_) | QueueRole::ControlReceive) => {
                    let driver = ReceiveDriver::new(ram, size, event_idx, PAGE_BYTES)?;
                    guest.receive.insert(index, driver);
                }
                Some(QueueRole::PortTransmit(_) | QueueRole::ControlTransmit) => {
                    let driver = TransmitDriver::new(ram, size, event_idx, PAGE_BYTES)?;
                    guest.transmit.insert(index, driver);
                }
                None => {}
            }
        }
        Ok(guest)
    }

    /// The guest's memory.
    pub fn ram(&self) -> &GuestRam {
        &self.ram
    }

    /// Every queue, as a bus tells a device of them.
    pub fn queue_specs(&mut self) -> BTreeMap<QueueIndex, QueueSpec> {
        let receive = self.receive.iter_mut().map(|(i, d)| (*i, d.ring().spec()));
        let transmit = self.transmit.iter_mut().map(|(i, d)| (*i, d.ring().spec()));
        receive.chain(transmit).collect()
    }

    /// What the guest knows of a port.
    pub fn port(&self, id: PortId) -> Option<&GuestPort> {
        self.ports.get(&id)
    }

    /// The ports that the guest knows.
    pub fn ports(&self) -> impl Iterator<Item = (PortId, &GuestPort)> {
        self.ports.iter().map(|(id, port)| (*id, port))
    }

    /// The driver begins: it gives buffers for control messages and says that
    /// it is ready.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn start(&mut self) -> Result<()> {
        self.control_receive()?.fill()?;
        self.send(GuestMessage::DeviceReady(true))
    }

    /// Does what Linux does with each control message that came, and returns
    /// them.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn pump(&mut self) -> Result<Vec<HostMessage>> {
        let mut messages = Vec::new();
        while let Some(bytes) = self.control_receive()?.read_buffer()? {
            if let Some(message) = HostMessage::parse(&bytes) {
                self.handle(&message)?;
                messages.push(message);
            }
        }
        self.send_unsent()?;
        Ok(messages)
    }

    /// Whether the device has returned every control message: Linux spins until
    /// then.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn control_returned(&mut self) -> Result<bool> {
        self.send_unsent()?;
        Ok(self.control_transmit()?.is_drained()? && self.unsent.is_empty())
    }

    /// A program opens a port.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::UnknownPort`].
    pub fn open(&mut self, id: PortId) -> Result<()> {
        self.known(id)?.guest_open = true;
        self.send(GuestMessage::PortOpen {
            id: id.get(),
            open: true,
        })
    }

    /// A program closes a port. What came and was not read is thrown away.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::UnknownPort`].
    pub fn close(&mut self, id: PortId) -> Result<()> {
        self.known(id)?.guest_open = false;
        self.send(GuestMessage::PortOpen {
            id: id.get(),
            open: false,
        })?;
        self.read(id).map(|_| ())
    }

    /// A program writes to a port. Returns how many bytes found a buffer.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::UnknownPort`].
    pub fn write(&mut self, id: PortId, data: &[u8]) -> Result<usize> {
        self.known(id)?;
        self.transmit_driver(transmit_queue(id), id)?.write(data)
    }

    /// A program reads all that came to a port. Bytes that came while the port
    /// was closed are thrown away, and counted.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::UnknownPort`].
    pub fn read(&mut self, id: PortId) -> Result<Vec<u8>> {
        self.known(id)?;
        let bytes = self.receive_driver(receive_queue(id), id)?.read()?;
        let port = self.known(id)?;
        if port.guest_open {
            return Ok(bytes);
        }
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        port.thrown_away = port.thrown_away.saturating_add(length);
        Ok(Vec::new())
    }

    /// Any control message at all.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn send_raw(&mut self, message: &[u8]) -> Result<()> {
        self.unsent.push_back(message.to_vec());
        self.send_unsent()
    }

    /// One of the queues' rings, to break it or to see how far the device is.
    pub fn ring(&mut self, index: QueueIndex) -> Option<&mut DriverRing> {
        match self.receive.get_mut(&index) {
            Some(driver) => Some(driver.ring()),
            None => self.transmit.get_mut(&index).map(TransmitDriver::ring),
        }
    }

    /// Asks for an interrupt at the next chain that is completed, whatever the
    /// queue. Chains that were completed before come without one.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn enable_interrupts(&mut self) -> Result<()> {
        let receive = self.receive.values_mut().map(ReceiveDriver::ring);
        let transmit = self.transmit.values_mut().map(TransmitDriver::ring);
        for ring in receive.chain(transmit) {
            ring.enable_interrupts()?;
        }
        Ok(())
    }

    /// The queues that the device wants to be kicked for, for what was
    /// published since the last call.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn take_kicks(&mut self) -> Result<Vec<QueueIndex>> {
        let mut kicks = Vec::new();
        for (index, driver) in &mut self.receive {
            if driver.ring().wants_kick()? {
                kicks.push(*index);
            }
        }
        for (index, driver) in &mut self.transmit {
            if driver.ring().wants_kick()? {
                kicks.push(*index);
            }
        }
        Ok(kicks)
    }

    /// The guest reboots: the device is reset (tell it so), and all is as after
    /// [`Self::new`].
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn reset(&mut self) -> Result<()> {
        self.ports.clear();
        self.reset_queues()
    }

    /// The guest goes to hibernation: the device is reset (tell it so), and the
    /// driver keeps what it knows of its ports.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn freeze(&mut self) -> Result<()> {
        for port in self.ports.values_mut() {
            port.host_open = false;
        }
        self.reset_queues()
    }

    /// The guest wakes from hibernation. Linux does not say `DEVICE_READY` then,
    /// only which ports it knows and which of them are open.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn restore(&mut self) -> Result<()> {
        self.control_receive()?.fill()?;
        let known: Vec<_> = self
            .ports
            .iter()
            .map(|(id, p)| (*id, p.guest_open))
            .collect();
        for (port, open) in known {
            self.receive_driver(receive_queue(port), port)?.fill()?;
            let id = port.get();
            self.send(GuestMessage::PortReady { id, ready: true })?;
            if open {
                self.send(GuestMessage::PortOpen { id, open })?;
            }
        }
        Ok(())
    }

    fn handle(&mut self, message: &HostMessage) -> Result<()> {
        let id = message.port();
        if let HostMessage::PortAdd(_) = message {
            return self.handle_add(id);
        }
        // Linux drops what is about a port that it does not know.
        let Some(port) = self.ports.get_mut(&id) else {
            return Ok(());
        };
        match message {
            HostMessage::PortAdd(_) => {}
            HostMessage::PortRemove(_) => {
                self.ports.remove(&id);
            }
            HostMessage::ConsolePort(_) if !port.console => {
                port.console = true;
                return self.open(id);
            }
            HostMessage::ConsolePort(_) => {}
            HostMessage::Resize(_, size) if port.console => port.size = Some(*size),
            HostMessage::Resize(..) => {}
            HostMessage::PortName(_, name) => {
                port.name.get_or_insert_with(|| name.clone());
            }
            HostMessage::PortOpen(_, open) => port.host_open = *open,
        }
        Ok(())
    }

    fn handle_add(&mut self, id: PortId) -> Result<()> {
        if !self.max_ports.contains(id) {
            return Ok(());
        }
        self.ports.entry(id).or_default();
        self.receive_driver(receive_queue(id), id)?.fill()?;
        self.send(GuestMessage::PortReady {
            id: id.get(),
            ready: true,
        })
    }

    fn reset_queues(&mut self) -> Result<()> {
        self.unsent.clear();
        for driver in self.receive.values_mut() {
            driver.reset()?;
        }
        for driver in self.transmit.values_mut() {
            driver.reset()?;
        }
        Ok(())
    }

    fn send_unsent(&mut self) -> Result<()> {
        while let Some(message) = self.unsent.pop_front() {
            if self.control_transmit()?.write(&message)? < message.len() {
                self.unsent.push_front(message);
                break;
            }
        }
        Ok(())
    }

    fn send(&mut self, message: GuestMessage) -> Result<()> {
        self.send_raw(&message.to_bytes())
    }

    fn known(&mut self, id: PortId) -> Result<&mut GuestPort> {
        let port = self.ports.get_mut(&id);
        port.ok_or(FakeDriverError::UnknownPort(id))
    }

    fn control_receive(&mut self) -> Result<&mut ReceiveDriver> {
        self.receive_driver(queue_index(QueueRole::ControlReceive), PortId::ZERO)
    }

    fn control_transmit(&mut self) -> Result<&mut TransmitDriver> {
        self.transmit_driver(queue_index(QueueRole::ControlTransmit), PortId::ZERO)
    }

    fn receive_driver(&mut self, index: QueueIndex, id: PortId) -> Result<&mut ReceiveDriver> {
        let driver = self.receive.get_mut(&index);
        driver.ok_or(FakeDriverError::UnknownPort(id))
    }

    fn transmit_driver(&mut self, index: QueueIndex, id: PortId) -> Result<&mut TransmitDriver> {
        let driver = self.transmit.get_mut(&index);
        driver.ok_or(FakeDriverError::UnknownPort(id))
    }
}
