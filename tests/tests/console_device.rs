//! The device in a machine of our own, driven by the fake driver as a transport
//! drives it.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portunus::door::run::ConsoleDevice;
use portunus::router::{PortPlan, Router};
use portunus::session::{ChannelPlan, PortLimits, RestartPolicy};
use portunus_device::config_space::ConsoleSize;
use portunus_device::fake_driver::{FakeGuest, FakeGuestSpec};
use portunus_device::features::Features;
use portunus_device::layout::{MaxPorts, PortId, QueueIndex, queue_count, receive_queue};
use portunus_device::ring::QueueSpec;
use portunus_tests::bench::native::Native;
use portunus_tests::eventually;
use portunus_tests::guest::DEADLINE;
use portunus_vmm::virtio::{Notifier, StartedQueue, VirtioDevice};
use tokio::runtime::Runtime;
use vm_memory::{GuestAddress, GuestAddressSpace, GuestMemoryMmap};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

const PORT: PortId = PortId::ZERO;

#[derive(Default)]
struct Count(AtomicU64);

impl Notifier for Count {
    fn notify(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A device whose port 0, a console, echoes, and a guest that has started it.
struct Machine {
    runtime: Runtime,
    router: Arc<Router>,
    device: ConsoleDevice,
    guest: FakeGuest,
    kicks: Vec<EventFd>,
    used_buffers: Arc<Count>,
    broken: Arc<Count>,
}

impl Machine {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let max_ports = MaxPorts::new(2).unwrap();
        let router = runtime.block_on(async {
            let router = Router::new(max_ports, tracing::Span::none());
            let plan = PortPlan {
                id: PORT,
                name: "echo".parse().unwrap(),
                console: true,
                recipe: Native::Echo,
                channels: ChannelPlan::default(),
                limits: PortLimits::DEFAULT,
                restart: RestartPolicy::default(),
            };
            router.add(plan).await.unwrap();
            Arc::new(router)
        });
        let device = runtime.block_on(async { ConsoleDevice::new(Arc::clone(&router)) });
        let guest = FakeGuest::new(FakeGuestSpec {
            max_ports,
            ..FakeGuestSpec::default()
        });
        let queues = 0..queue_count(max_ports);
        Self {
            runtime,
            router,
            device,
            guest: guest.unwrap(),
            kicks: queues
                .map(|_| EventFd::new(EFD_NONBLOCK).unwrap())
                .collect(),
            used_buffers: Arc::default(),
            broken: Arc::default(),
        }
    }

    fn queue(&self, index: QueueIndex, spec: QueueSpec) -> StartedQueue {
        let kick = &self.kicks[usize::from(index.0)];
        StartedQueue {
            index: index.0,
            size: spec.size,
            descriptors: spec.descriptors,
            available: spec.available,
            used: spec.used,
            memory: GuestMemoryMmap::clone(&self.guest.ram().memory().memory()),
            kick: kick.try_clone().unwrap(),
            used_buffers: self.used_buffers.clone(),
            broken: self.broken.clone(),
        }
    }

    /// The guest's driver negotiates and starts, as Linux's does.
    fn start(&mut self) {
        assert!(self.device.accept_features(Features::offered().bits()));
        for (index, spec) in self.guest.queue_specs() {
            let queue = self.queue(index, spec);
            self.device.start_queue(queue).unwrap();
        }
        self.guest.start().unwrap();
    }

    /// Lets the guest do what it must, and kick, until something is so.
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut FakeGuest) -> bool) {
        let (guest, kicks) = (&mut self.guest, &self.kicks);
        eventually(what, DEADLINE, || {
            guest.pump().unwrap();
            for index in guest.take_kicks().unwrap() {
                kicks[usize::from(index.0)].write(1).unwrap();
            }
            is_so(guest).then_some(())
        });
    }

    fn open(&mut self) {
        self.until("the port is open at both ends", |guest| {
            guest
                .port(PORT)
                .is_some_and(|port| port.host_open && port.guest_open)
        });
    }

    fn echo(&mut self, line: &[u8]) {
        assert_eq!(self.guest.write(PORT, line).unwrap(), line.len());
        let mut answer = Vec::new();
        self.until("the echo", |guest| {
            answer.extend(guest.read(PORT).unwrap());
            answer.len() >= line.len()
        });
        assert_eq!(answer, line);
    }
}

#[test]
fn a_driver_finds_its_console_and_talks_to_what_answers_it() {
    let mut machine = Machine::new();
    assert_eq!(
        (machine.device.device_id(), machine.device.queue_count()),
        (3, 6)
    );
    let mut config = [0xff; 16];
    machine.device.read_config(0, &mut config);
    assert_eq!(config, [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    machine.device.write_config(8, b"!");

    machine.start();
    machine.open();
    machine.echo(b"hello");
    assert!(machine.used_buffers.get() > 0);
    assert_eq!(machine.broken.get(), 0);
}

#[test]
fn a_reset_gives_every_queue_back_and_the_next_driver_starts_from_nothing() {
    let mut machine = Machine::new();
    for round in 0..3_u8 {
        machine.start();
        machine.open();
        machine.echo(&[round; 100]);
        machine.device.reset();
        let answered = machine.router.answered();
        machine.until("the port is closed", |_| !answered[0].port.is_open());
        machine.guest.reset().unwrap();
    }
    // Nothing has a queue now: kicks and all, memory may go.
    machine.device.reset();
}

#[test]
fn features_that_nobody_offered_are_refused() {
    let mut machine = Machine::new();
    assert!(!machine.device.accept_features(1 << 40));
    assert!(machine.device.accept_features(Features::offered().bits()));
}

#[test]
fn a_queue_that_cannot_be_is_refused_in_words() {
    let mut machine = Machine::new();
    assert!(machine.device.accept_features(Features::offered().bits()));
    let spec = machine.guest.queue_specs()[&QueueIndex(0)];
    let far = GuestAddress(u64::MAX - 0xffff);
    let broken = [
        QueueSpec { size: 0, ..spec },
        QueueSpec { size: 3, ..spec },
        QueueSpec {
            size: u16::MAX,
            ..spec
        },
        QueueSpec {
            descriptors: far,
            ..spec
        },
        QueueSpec {
            available: far,
            ..spec
        },
        QueueSpec {
            used: GuestAddress(1),
            ..spec
        },
    ];
    for spec in broken {
        let queue = machine.queue(QueueIndex(0), spec);
        let fault = machine.device.start_queue(queue).unwrap_err();
        assert!(!fault.is_empty());
    }
    let queue = StartedQueue {
        index: 6,
        ..machine.queue(QueueIndex(0), spec)
    };
    let fault = machine.device.start_queue(queue).unwrap_err();
    assert_eq!(fault, "the device has no such queue");
}

#[test]
fn a_guest_that_breaks_a_ring_is_told_that_the_device_needs_a_reset() {
    let mut machine = Machine::new();
    machine.start();
    machine.open();
    let ring = machine.guest.ring(receive_queue(PORT)).unwrap();
    ring.set_available_index(0x4000).unwrap();
    machine.guest.write(PORT, b"x").unwrap();
    let broken = Arc::clone(&machine.broken);
    machine.until("word that the ring is broken", |_| broken.get() > 0);
    machine.device.reset();
    machine.guest.reset().unwrap();
    machine.start();
    machine.open();
    machine.echo(b"as new");
}

#[test]
fn a_console_hears_how_large_the_terminal_is_now() {
    let mut machine = Machine::new();
    machine.start();
    machine.open();
    for (columns, rows) in [(80, 24), (132, 50)] {
        let size = ConsoleSize { columns, rows };
        machine.router.resize(PORT, size);
        machine.until("the size", |guest| {
            guest.port(PORT).unwrap().size == Some(size)
        });
    }
}

#[test]
fn sessions_that_end_leave_a_guest_that_never_waits_for_them() {
    let mut machine = Machine::new();
    machine.start();
    machine.open();
    let router = Arc::clone(&machine.router);
    let grace = Duration::from_secs(5);
    machine
        .runtime
        .block_on(router.end_sessions(Some(PORT), grace));
    machine.echo(b"still answered");
    machine.runtime.block_on(router.end_sessions(None, grace));
    machine.until("the host's end is closed", |guest| {
        !guest.port(PORT).unwrap().host_open
    });
    machine.guest.write(PORT, b"to nobody").unwrap();
    let absent = Arc::clone(router.absent_counters());
    machine.until("the bytes are discarded", |_| {
        absent.discarded_bytes.load(Ordering::Relaxed) == 9
    });
    machine.device.reset();
    machine.runtime.block_on(router.stop(Duration::ZERO));
}
