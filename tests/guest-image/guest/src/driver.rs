//! The driver of a virtio-serial device: initialisation, control messages, ports
//! (VIRTIO 1.2, sections 3.1 and 5.3).

use core::hint;

use crate::cpu;
use crate::memory::Pool;
use crate::queue::Queue;
use crate::serial::Word::{Number, Text};
use crate::serial::say;
use crate::transport::{ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, Transport};

/// What this guest gives up at, in words.
pub type Outcome<T> = Result<T, &'static str>;

/// Ports that this guest uses.
pub const PORTS_LIMIT: usize = 4;
/// Their queues, a console's and the control queues. More are left alone.
const QUEUES_LIMIT: usize = 2 * (PORTS_LIMIT + 2);

/// The queues that a driver of so many ports needs.
type Queues = [Option<Queue>; QUEUES_LIMIT];

const MULTIPORT: u32 = 1 << 1;
const EVENT_IDX: u32 = 1 << 29;
/// In the second word of features.
const VERSION_1: u32 = 1;

const CONTROL_RECEIVE: u16 = 2;
const CONTROL_SEND: u16 = 3;
/// Control buffers, and their size: a header of eight bytes, and a name.
const CONTROL_BUFFERS: u16 = 16;
const CONTROL_BYTES: u32 = 256;
/// As Linux's: a page to receive into. Few of them, so that they run out.
const RECEIVE_BYTES: u32 = 4096;
const RECEIVE_BUFFERS: u16 = 8;
/// As Linux's: the most that one write sends.
pub const SEND_BYTES: u32 = 32 << 10;

const DEVICE_READY: u16 = 0;
const PORT_ADD: u16 = 1;
const PORT_REMOVE: u16 = 2;
const PORT_READY: u16 = 3;
const PORT_OPEN: u16 = 6;
const PORT_NAME: u16 = 7;

/// How the driver learns of what the device did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// It looks all the time.
    Polls,
    /// It rests until an interrupt.
    Interrupts,
}

/// A port that the device told of.
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// Its number.
    pub id: u32,
    name: [u8; 64],
    name_bytes: usize,
    /// Whether the host's end is open.
    pub host_open: bool,
}

impl Port {
    /// Its name, as far as it fits.
    pub fn name(&self) -> &[u8] {
        self.name.get(..self.name_bytes).unwrap_or_default()
    }

    /// Its receive queue; the next one is its transmit queue.
    fn receive_queue(&self) -> u16 {
        match self.id {
            0 => 0,
            id => 2 * (id as u16 + 1),
        }
    }
}

/// A device that is set up.
pub struct Driver<'a> {
    transport: &'a dyn Transport,
    pool: &'a Pool,
    waiting: Waiting,
    queues: Queues,
    ports: [Option<Port>; PORTS_LIMIT],
    notified: u64,
}

/// Resets the device, and chooses features. Answers whether event indices are
/// among them.
pub fn negotiate(transport: &dyn Transport) -> Outcome<bool> {
    transport.set_status(0);
    if transport.status() != 0 {
        return Err("the device does not reset");
    }
    transport.set_status(ACKNOWLEDGE);
    transport.set_status(ACKNOWLEDGE | DRIVER);
    if transport.features(1) & VERSION_1 == 0 || transport.features(0) & MULTIPORT == 0 {
        return Err("the device offers no version 1, or no ports");
    }
    let event_idx = transport.features(0) & EVENT_IDX;
    transport.choose_features(0, MULTIPORT | event_idx);
    transport.choose_features(1, VERSION_1);
    transport.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK);
    if transport.status() & FEATURES_OK == 0 {
        return Err("the device does not take its own features");
    }
    Ok(event_idx != 0)
}

/// Makes the queues that so many ports need, and tells the device of them.
pub fn start_queues(
    transport: &dyn Transport,
    pool: &Pool,
    event_idx: bool,
    port_count: usize,
) -> Outcome<Queues> {
    if port_count > PORTS_LIMIT {
        return Err("this guest knows four ports at most");
    }
    let mut queues = [const { None }; QUEUES_LIMIT];
    let count = 2 * (port_count + 2);
    for (index, slot) in (0..).zip(queues.iter_mut().take(count)) {
        let limit = transport.queue_limit(index);
        if limit == 0 {
            return Err("the device has fewer queues than ports");
        }
        let queue = Queue::new(pool, limit, event_idx);
        transport.start_queue(index, queue.rings);
        *slot = Some(queue);
    }
    Ok(queues)
}

impl<'a> Driver<'a> {
    /// Brings the device up, and opens `port_count` ports: all that it tells of
    /// must be so many at least.
    pub fn start(
        transport: &'a dyn Transport,
        pool: &'a Pool,
        waiting: Waiting,
        port_count: usize,
    ) -> Outcome<Self> {
        let event_idx = negotiate(transport)?;
        // `max_nr_ports`, at offset 4 of config space.
        if (transport.config(4) as usize) < port_count {
            return Err("the device has fewer ports");
        }
        let queues = start_queues(transport, pool, event_idx, port_count)?;
        let mut driver = Self {
            transport,
            pool,
            waiting,
            queues,
            ports: [None; PORTS_LIMIT],
            notified: 0,
        };
        transport.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
        let receive = driver.queue(CONTROL_RECEIVE)?;
        receive.take_buffers(pool, CONTROL_BUFFERS, CONTROL_BYTES);
        driver.with_queue(CONTROL_RECEIVE, Queue::offer_all)?;
        let send = driver.queue(CONTROL_SEND)?;
        send.take_buffers(pool, CONTROL_BUFFERS, CONTROL_BYTES);
        driver.tell(0, DEVICE_READY, 1)?;
        driver.wait_for(|driver| {
            let named = |port: &&Port| port.name_bytes > 0;
            driver.ports.iter().flatten().filter(named).count() >= port_count
        })?;
        for index in 0..port_count {
            if let Some(port) = driver.ports.get(index).copied().flatten() {
                driver.tell(port.id, PORT_OPEN, 1)?;
            }
        }
        driver.wait_for(|driver| {
            let open = |port: &&Port| port.host_open;
            driver.ports.iter().flatten().filter(open).count() >= port_count
        })?;
        Ok(driver)
    }

    /// The port at this place among those that were told of.
    pub fn port(&self, index: usize) -> Outcome<Port> {
        let port = self.ports.get(index).copied().flatten();
        port.ok_or("the device has fewer ports")
    }

    /// Sends what `fill` puts into a buffer to the host, if one is free. It hears
    /// where the buffer is and how large, and answers how much of it to send.
    pub fn send(&mut self, port: &Port, fill: impl FnOnce(u64, u64) -> u64) -> Outcome<bool> {
        let index = port.receive_queue() + 1;
        let queue = self.queue(index)?;
        while let Some(used) = queue.used() {
            queue.free(used);
        }
        let mut sent = false;
        self.with_queue(index, |queue| sent = queue.send(fill))?;
        Ok(sent)
    }

    /// Whether the device has given back all that was sent to the host.
    pub fn all_sent(&mut self, port: &Port) -> Outcome<bool> {
        let queue = self.queue(port.receive_queue() + 1)?;
        while let Some(used) = queue.used() {
            queue.free(used);
        }
        Ok(queue.is_idle())
    }

    /// Hands `take` the next bytes from the host; false where there are none.
    pub fn receive(&mut self, port: &Port, take: impl FnOnce(&'static [u8])) -> Outcome<bool> {
        let index = port.receive_queue();
        let Some(used) = self.queue(index)?.used() else {
            return Ok(false);
        };
        take(used.bytes);
        self.with_queue(index, |queue| queue.offer_again(used))?;
        Ok(true)
    }

    /// Reads control messages, and rests until the device has done something.
    pub fn rest(&mut self) -> Outcome<()> {
        if self.read_control()? {
            return Ok(());
        }
        match self.waiting {
            Waiting::Polls => hint::spin_loop(),
            Waiting::Interrupts => cpu::wait_for_interrupt(),
        }
        self.transport.acknowledge();
        Ok(())
    }

    /// How many notifications were sent.
    pub fn notified(&self) -> u64 {
        self.notified
    }

    fn wait_for(&mut self, done: impl Fn(&Self) -> bool) -> Outcome<()> {
        while !done(self) {
            self.rest()?;
        }
        Ok(())
    }

    /// Sends a control message, and waits until the device has read it, as Linux
    /// does.
    fn tell(&mut self, id: u32, event: u16, value: u16) -> Outcome<()> {
        self.with_queue(CONTROL_SEND, |queue| {
            queue.send(|buffer, _| {
                let message = u64::from(value) << 48 | u64::from(event) << 32 | u64::from(id);
                cpu::store64(buffer, message);
                8
            });
        })?;
        loop {
            let queue = self.queue(CONTROL_SEND)?;
            if let Some(used) = queue.used() {
                queue.free(used);
                return Ok(());
            }
            hint::spin_loop();
        }
    }

    /// Reads one control message; false where there is none.
    fn read_control(&mut self) -> Outcome<bool> {
        let Some(used) = self.queue(CONTROL_RECEIVE)?.used() else {
            return Ok(false);
        };
        let Some((header, rest)) = used.bytes.split_first_chunk::<8>() else {
            return Err("a control message is too short");
        };
        let header = u64::from_le_bytes(*header);
        let (id, event, value) = (header as u32, (header >> 32) as u16, header >> 48);
        match event {
            PORT_ADD => self.add_port(id)?,
            PORT_REMOVE => say(&[Text("port "), Number(id.into()), Text(" is removed")]),
            PORT_OPEN => {
                if let Some(port) = self.known(id) {
                    port.host_open = value != 0;
                }
            }
            PORT_NAME => {
                if let Some(port) = self.known(id) {
                    // A zero may end it.
                    let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
                    port.name_bytes = name.len().min(port.name.len());
                    port.name[..port.name_bytes].copy_from_slice(&name[..port.name_bytes]);
                }
            }
            // A console's size, and that a port is one, are of no use here.
            _ => {}
        }
        self.with_queue(CONTROL_RECEIVE, |queue| queue.offer_again(used))?;
        Ok(true)
    }

    fn add_port(&mut self, id: u32) -> Outcome<()> {
        let port = Port {
            id,
            name: [0; 64],
            name_bytes: 0,
            host_open: false,
        };
        let Some(place) = self.ports.iter_mut().find(|place| place.is_none()) else {
            // More than this guest uses: it has no driver for it.
            return self.tell(id, PORT_READY, 0);
        };
        *place = Some(port);
        let (receive, send) = (port.receive_queue(), port.receive_queue() + 1);
        let pool = self.pool;
        let queue = self.queue(receive)?;
        queue.take_buffers(pool, RECEIVE_BUFFERS, RECEIVE_BYTES);
        self.with_queue(receive, Queue::offer_all)?;
        let queue = self.queue(send)?;
        queue.take_buffers(pool, queue.rings.size, SEND_BYTES);
        self.tell(id, PORT_READY, 1)
    }

    fn known(&mut self, id: u32) -> Option<&mut Port> {
        self.ports.iter_mut().flatten().find(|port| port.id == id)
    }

    fn queue(&mut self, index: u16) -> Outcome<&mut Queue> {
        let queue = self.queues.get_mut(usize::from(index));
        queue
            .and_then(Option::as_mut)
            .ok_or("there is no such queue")
    }

    /// Has `offer` offer buffers, and notifies the device where it wants that.
    fn with_queue(&mut self, index: u16, offer: impl FnOnce(&mut Queue)) -> Outcome<()> {
        let queue = self.queue(index)?;
        let since = queue.offered();
        offer(queue);
        if queue.offered() != since && queue.must_notify(since) {
            self.notified += 1;
            self.transport.notify(index);
        }
        Ok(())
    }
}
