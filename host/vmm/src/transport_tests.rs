//! A driver's way through the states, with a fake bus and a fake device.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;
use crate::fake_device::{MEMORY_BYTES, OFFERED, QUEUES, Seen};
use crate::fake_wiring::FakeWiring;
use crate::wiring::new_event;
use status::{ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK};

#[derive(Default)]
struct Bell(AtomicU32);

impl Bell {
    fn rings(&self) -> u32 {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl Notifier for Bell {
    fn notify(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct FakeBus {
    queues: Vec<u16>,
    used: Arc<Bell>,
    out_of_descriptors: bool,
}

impl QueueEvents for FakeBus {
    fn connect(&mut self, queue: u16) -> io::Result<(EventFd, Arc<dyn Notifier>)> {
        if self.out_of_descriptors {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.queues.push(queue);
        Ok((new_event()?, self.used.clone()))
    }

    fn disconnect_all(&mut self) {
        self.queues.clear();
    }
}

struct Rig {
    seen: Seen,
    bus: FakeBus,
    config: Arc<Bell>,
    transport: Transport,
}

impl Rig {
    fn new() -> Self {
        let seen = Seen::default();
        let config = Arc::<Bell>::default();
        let Attachment { memory, faults, .. } = seen.attachment(FakeWiring::new());
        Self {
            transport: Transport::new(seen.device(), memory, faults, config.clone()),
            bus: FakeBus::default(),
            seen,
            config,
        }
    }

    fn status(&mut self, bit: u8) -> u8 {
        let value = self.transport.status() | bit;
        self.transport.write_status(value, &mut self.bus);
        self.transport.status()
    }

    fn choose(&mut self, features: u64) {
        for select in 0..2 {
            self.transport.driver_feature_select = select;
            self.transport.choose_features(half(features, select));
        }
    }

    fn offered(&mut self) -> u64 {
        let halves = [0, 1].map(|select| {
            self.transport.device_feature_select = select;
            self.transport.device_features()
        });
        u64::from(halves[0]) | u64::from(halves[1]) << 32
    }

    fn queue(&mut self, index: u16, address: u64) {
        self.transport.queue_select = index;
        let low = u32::try_from(address).unwrap();
        self.transport.set_up(|queue| {
            queue.set_size(16);
            queue.set_address(queue::Part::Descriptors, 0, low);
            queue.set_address(queue::Part::Available, 0, low + 0x400);
            queue.set_address(queue::Part::Used, 0, low + 0x800);
        });
        self.transport.enable_queue(true, &mut self.bus);
    }

    /// One step of the handshake.
    fn step(&mut self, step: usize) {
        match step {
            0 => _ = self.status(ACKNOWLEDGE),
            1 => _ = self.status(DRIVER),
            2 => self.choose(OFFERED),
            3 => _ = self.status(FEATURES_OK),
            4 => (0..QUEUES).for_each(|index| self.queue(index, u64::from(index) * 0x1000)),
            _ => _ = self.status(DRIVER_OK),
        }
    }

    fn bring_up(&mut self) {
        (0..6).for_each(|step| self.step(step));
        assert_eq!(self.transport.status(), 15);
        assert_eq!(self.seen.running(), (0..QUEUES).collect::<Vec<_>>());
    }

    fn is_new(&mut self) -> bool {
        let queues = self.transport.queues.iter();
        let untouched = queues
            .into_iter()
            .all(|queue| *queue == QueueSetup::default());
        untouched
            && self.transport.status() == 0
            && self.transport.driver_features() == 0
            && self.transport.queue_select == 0
            && self.seen.running().is_empty()
            && self.bus.queues.is_empty()
    }
}

#[test]
fn a_device_offers_its_own_features_and_version_1() {
    assert_eq!(Rig::new().offered(), OFFERED);
}

#[test]
fn a_reset_after_each_step_of_the_handshake_leaves_nothing_and_a_driver_can_come_again() {
    for steps in 0..=6 {
        let mut rig = Rig::new();
        (0..steps).for_each(|step| rig.step(step));
        rig.transport.write_status(0, &mut rig.bus);
        assert!(rig.is_new(), "after {steps} steps");
        rig.bring_up();
        assert_eq!(rig.seen.state().features, Some(OFFERED));
        assert!(rig.seen.state().faults.is_empty());
    }
}

#[test]
fn a_queue_starts_when_the_driver_is_ready_and_not_before() {
    let mut rig = Rig::new();
    (0..5).for_each(|step| rig.step(step));
    assert!(rig.seen.running().is_empty());
    rig.step(5);
    assert_eq!(rig.seen.running().len(), usize::from(QUEUES));
}

#[test]
fn a_queue_that_is_enabled_later_starts_at_once_and_only_once() {
    let mut rig = Rig::new();
    for step in [0, 1, 2, 3, 5] {
        rig.step(step);
    }
    rig.queue(2, 0x1000);
    rig.queue(2, 0x2000);
    rig.transport.enable_queue(false, &mut rig.bus);
    rig.transport.enable_queue(true, &mut rig.bus);
    assert_eq!(rig.seen.running(), [2]);
    rig.seen
        .with_queue(2, |queue| assert_eq!(queue.descriptors.0, 0x1000));
}

#[test]
fn a_driver_without_version_1_or_with_features_not_offered_gets_no_features_ok() {
    for features in [0, OFFERED & !features::VERSION_1, OFFERED | 1 << 40] {
        let mut rig = Rig::new();
        rig.choose(features);
        assert_eq!(rig.status(1 | 2 | FEATURES_OK | DRIVER_OK), 3);
        assert_eq!(rig.seen.state().features, None);
        assert_eq!(rig.seen.state().faults.len(), 1);
    }
}

#[test]
fn a_device_that_does_not_take_features_may_be_asked_about_others() {
    let mut rig = Rig::new();
    rig.choose(OFFERED);
    rig.seen.state().refuse_features = true;
    assert_eq!(rig.status(3 | FEATURES_OK), 3);
    rig.seen.state().refuse_features = false;
    rig.choose(features::VERSION_1);
    assert_eq!(rig.status(FEATURES_OK), 11);
    assert_eq!(rig.seen.state().features, Some(features::VERSION_1));
}

#[test]
fn features_do_not_change_once_they_are_settled() {
    let mut rig = Rig::new();
    (0..4).for_each(|step| rig.step(step));
    rig.choose(0);
    rig.transport.driver_feature_select = 0;
    assert_eq!(rig.transport.driver_features(), half(OFFERED, 0));
}

#[test]
fn a_queue_outside_of_memory_breaks_the_device_until_its_reset() {
    let mut rig = Rig::new();
    (0..4).for_each(|step| rig.step(step));
    rig.queue(0, 0x1000);
    rig.queue(1, u64::try_from(MEMORY_BYTES).unwrap());
    rig.queue(2, 0x2000);
    assert_eq!(rig.status(DRIVER_OK), 15 | NEEDS_RESET);
    assert_eq!(rig.seen.running(), [0]);
    assert_eq!(rig.config.rings(), 1);
    let faults = rig.seen.state().faults.clone();
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].contains("queue 1") && faults[0].contains("0x100000"),
        "{faults:?}"
    );
    rig.queue(3, 0x3000);
    assert_eq!(rig.seen.running(), [0]);
    rig.transport.write_status(0, &mut rig.bus);
    assert!(rig.is_new());
    rig.bring_up();
}

#[test]
fn a_queue_without_events_breaks_the_device_and_the_host_is_to_blame() {
    let mut rig = Rig::new();
    rig.bus.out_of_descriptors = true;
    (0..6).for_each(|step| rig.step(step));
    assert_eq!(rig.transport.status(), 15 | NEEDS_RESET);
    assert_eq!(rig.seen.state().faults.len(), 1);
    assert!(rig.seen.state().faults[0].starts_with("queue 0 has no events"));
}

#[test]
fn a_broken_queue_says_that_the_device_needs_a_reset_and_tells_the_driver() {
    let mut rig = Rig::new();
    rig.bring_up();
    rig.seen.with_queue(3, |queue| queue.broken.notify());
    assert_eq!(rig.transport.status(), 15 | NEEDS_RESET);
    assert_eq!(rig.config.rings(), 1);
}

#[test]
fn what_an_ended_queue_says_tells_nobody() {
    let mut rig = Rig::new();
    rig.bring_up();
    let [used, broken] = rig.seen.with_queue(3, |queue| {
        [queue.used_buffers.clone(), queue.broken.clone()]
    });
    used.notify();
    assert_eq!(rig.bus.used.rings(), 1);
    rig.transport.write_status(0, &mut rig.bus);
    rig.bring_up();
    used.notify();
    broken.notify();
    assert_eq!(rig.transport.status(), 15);
    assert_eq!((rig.bus.used.rings(), rig.config.rings()), (0, 0));
}

#[test]
fn a_config_change_is_a_new_generation_and_told_to_a_driver_that_is_ready() {
    let mut rig = Rig::new();
    let change = rig.transport.config_change();
    change.notify();
    assert_eq!(
        (rig.transport.config_generation(), rig.config.rings()),
        (1, 0)
    );
    rig.bring_up();
    change.notify();
    assert_eq!(
        (rig.transport.config_generation(), rig.config.rings()),
        (2, 1)
    );
    rig.transport.write_status(0, &mut rig.bus);
    (0..255).for_each(|_| change.notify());
    assert_eq!(
        (rig.transport.config_generation(), rig.config.rings()),
        (1, 0)
    );
}

#[test]
fn config_space_past_its_end_is_zero_whatever_was_there() {
    let mut rig = Rig::new();
    rig.transport.write_config(10, &[1, 2, 3, 4]);
    let mut read = [0xaa; 4];
    rig.transport.read_config(10, &mut read);
    assert_eq!(read, [1, 2, 0, 0]);
}

#[test]
fn a_device_is_reset_when_its_machine_ends() {
    let mut rig = Rig::new();
    rig.bring_up();
    drop(rig.transport);
    assert!(rig.seen.running().is_empty());
}

proptest! {
    #[test]
    fn no_driver_has_more_queues_started_than_it_enabled_nor_before_it_is_ready(
        steps in prop::collection::vec((0..9_u8, any::<u8>(), any::<u64>()), 0..60)
    ) {
        let mut rig = Rig::new();
        for (kind, small, large) in steps {
            let value = half(large, 0);
            let transport = &mut rig.transport;
            match kind {
                0 => transport.write_status(small, &mut rig.bus),
                1 => rig.choose(large),
                2 => rig.choose(OFFERED),
                3 => transport.queue_select = u16::from(small % 8),
                4 => transport.set_up(|queue| queue.set_size(value >> 20)),
                5 => transport.set_up(|queue| queue.set_address(queue::Part::Used, u32::from(small % 3), value)),
                6 => transport.enable_queue(small % 2 == 0, &mut rig.bus),
                7 => rig.queue(u16::from(small % 8), large % 0x20_0000),
                _ => _ = rig.status(1 | 2 | 4 | 8),
            }
            let running = rig.seen.running();
            prop_assert!(running.is_empty() || rig.transport.status.is_running());
            prop_assert_eq!(
                rig.seen.state().features.is_some() && !rig.seen.state().refuse_features,
                rig.transport.status.has_features()
            );
            for index in running {
                let queue = &rig.transport.queues[usize::from(index)];
                prop_assert!(queue.enabled && queue.started);
                prop_assert!(queue.size.is_power_of_two() && queue.size <= queue::MAX_QUEUE_SIZE);
            }
        }
    }
}
