//! The whole function: what a guest's driver does, and what none should.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use proptest::prelude::*;

use super::*;
use crate::fake_device::{LINE, QUEUES, Seen};
use crate::fake_wiring::FakeWiring;
use crate::pci::PciRoot;
use crate::pci_driver::{PciDriver, RINGS};

const WINDOW_START: u32 = 0xc000_0000;

fn rig() -> (PciDriver, Seen, Arc<FakeWiring>) {
    let (seen, wiring) = (Seen::default(), FakeWiring::new());
    let device = VirtioPci::new(seen.device(), seen.attachment(wiring.clone())).unwrap();
    let mut root = PciRoot::new(WINDOW_START..0xd000_0000);
    let number = root.add(Box::new(device)).unwrap();
    (PciDriver::probe(root, number), seen, wiring)
}

fn sent(wiring: &FakeWiring) -> Vec<u32> {
    wiring.sent().iter().map(|message| message.data).collect()
}

/// That each queue is notified where the driver does it now, without an exit.
fn assert_notified(driver: &mut PciDriver, seen: &Seen, wiring: &FakeWiring) {
    for queue in 0..QUEUES {
        let address = driver.notify_address(queue);
        assert!(wiring.guest_writes(address, u32::from(queue)));
        for other in 0..QUEUES {
            assert_eq!(seen.kicks(other), u64::from(other == queue));
        }
    }
    assert_eq!(wiring.io_events().len(), usize::from(QUEUES));
}

#[test]
fn a_driver_brings_the_device_up_with_a_vector_for_each_queue() {
    let (mut driver, seen, wiring) = rig();
    driver.bring_up_with_vectors();
    assert_eq!(seen.running(), (0..QUEUES).collect::<Vec<_>>());
    seen.with_queue(2, |queue| {
        assert_eq!(queue.size, 64);
        assert_eq!(queue.descriptors.0, RINGS + 0x2000);
        assert_eq!(queue.available.0, RINGS + 0x2400);
        assert_eq!(queue.used.0, RINGS + 0x2800);
    });
    assert_notified(&mut driver, &seen, &wiring);
    for queue in 0..QUEUES {
        seen.use_buffers(queue);
        assert_eq!(sent(&wiring), [0x41 + u32::from(queue)]);
    }
    seen.with_queue(0, |queue| queue.broken.notify());
    assert_eq!((sent(&wiring), driver.status()), (vec![0x40], 15 | 64));
    assert_eq!(wiring.rises(LINE), 0);
    assert!(seen.state().faults.is_empty());
}

#[test]
fn a_driver_without_msix_is_told_by_the_line() {
    let (mut driver, seen, wiring) = rig();
    driver.bring_up();
    assert_notified(&mut driver, &seen, &wiring);
    assert!(!wiring.is_high(LINE));
    seen.use_buffers(1);
    assert!(wiring.is_high(LINE));
    assert_eq!(driver.config_bytes::<1>(6), [0x18]);
    assert_eq!(driver.read(driver.isr), [1]);
    assert_eq!(driver.read(driver.isr), [0]);
    assert!(!wiring.is_high(LINE));
    assert_eq!(driver.config_bytes::<1>(6), [0x10]);
    seen.with_queue(0, |queue| queue.broken.notify());
    assert_eq!(driver.read(driver.isr), [2]);
    driver.write_config(4, &[6, 4]);
    seen.use_buffers(1);
    assert!(!wiring.is_high(LINE));
    assert_eq!((wiring.connected(), wiring.rises(LINE)), (0, 2));
}

#[test]
fn notifications_follow_the_bar() {
    let (mut driver, seen, wiring) = rig();
    driver.bring_up();
    let notify = driver.notify - driver.bar();
    for bar in [0xd000_0000_u32, 0xfffe_0000, WINDOW_START] {
        driver.write_config(0x10, &bar.to_le_bytes());
        let moved = driver.bar();
        assert_eq!(moved, u64::from(bar));
        driver.common = moved;
        driver.notify = moved + notify;
        assert_notified(&mut driver, &seen, &wiring);
    }
    // Byte by byte, it has been everywhere in between.
    for (at, byte) in (0x10..).zip(0xe012_0000_u32.to_le_bytes()) {
        driver.write_config(at, &[byte]);
    }
    assert_eq!(wiring.io_events()[0].address, 0xe012_0000 + notify);
    assert_eq!(wiring.io_events().len(), usize::from(QUEUES));
    assert!(wiring.mistakes().is_empty());
}

#[test]
fn a_function_that_is_not_decoded_is_not_there_and_comes_back_as_it_was() {
    let (mut driver, seen, wiring) = rig();
    driver.bring_up();
    driver.write_config(4, &[4, 0]);
    assert!(wiring.io_events().is_empty());
    assert_eq!(driver.read(driver.common + 20), [0xff]);
    assert!(!driver.root.write_memory(driver.common + 20, &[0]));
    driver.write_config(4, &[6, 0]);
    assert_eq!(driver.status(), 15);
    assert_notified(&mut driver, &seen, &wiring);
}

#[test]
fn a_notification_that_is_an_exit_kicks_all_the_same() {
    let (mut driver, seen, wiring) = rig();
    wiring.refuse(true);
    driver.bring_up();
    assert!(wiring.io_events().is_empty());
    for bytes in 1..=8 {
        let address = driver.notify_address(3);
        driver.write(address, &vec![0; bytes]);
        assert_eq!(seen.kicks(3), 1);
    }
    for queue in [u64::from(QUEUES), 1000] {
        driver.root.write_memory(driver.notify + queue * 4, &[0; 2]);
    }
    driver.write(driver.notify + 13, &[0; 2]);
    assert!((0..QUEUES).all(|queue| seen.kicks(queue) == 0));
}

#[test]
fn a_masked_vector_waits_and_says_so() {
    let (mut driver, seen, wiring) = rig();
    driver.bring_up_with_vectors();
    driver.mask(3, true);
    seen.use_buffers(2);
    assert_eq!(driver.read(driver.pending), [1 << 3]);
    assert!(sent(&wiring).is_empty());
    driver.mask(3, false);
    assert_eq!(sent(&wiring), [0x43]);
    assert_eq!(driver.read(driver.pending), [0]);
    driver.enable_msix(true, true);
    seen.use_buffers(4);
    assert_eq!(wiring.connected(), 0);
    driver.enable_msix(true, false);
    assert_eq!(sent(&wiring), [0x45]);
}

#[test]
fn a_vector_that_the_table_lacks_is_refused() {
    let (mut driver, _, _) = rig();
    assert_eq!(driver.queue_vector(0, QUEUES), QUEUES);
    assert_eq!(driver.queue_vector(0, QUEUES + 1), 0xffff);
    assert_eq!(driver.queue_vector(QUEUES, 0), 0xffff);
    assert_eq!(driver.config_vector(0x800), 0xffff);
}

#[test]
fn a_driver_that_cannot_map_the_bar_reaches_it_by_the_window() {
    let (mut driver, seen, _) = rig();
    let bar = driver.bar();
    let window = driver.window;
    let at = |driver: &mut PciDriver, address: u64, bytes: u32| {
        let offset = u32::try_from(address - bar).unwrap();
        driver.write_config(window + 8, &offset.to_le_bytes());
        driver.write_config(window + 12, &bytes.to_le_bytes());
    };
    let common = driver.common;
    at(&mut driver, common + 18, 2);
    assert_eq!(driver.config32(window + 16), u32::from(QUEUES));
    at(&mut driver, common + 20, 1);
    driver.write_config(window + 16, &[3, 0, 0, 0]);
    assert_eq!(driver.status(), 3);
    driver.bring_up();
    let notify = driver.notify_address(4);
    at(&mut driver, notify, 2);
    driver.write_config(window + 16, &[4, 0]);
    assert_eq!(seen.kicks(4), 1);
    // No width, no BAR, not in it: nothing.
    for (bar, address, bytes) in [
        (0, common + 20, 0),
        (0, common + 20, 8),
        (1, common + 20, 1),
    ] {
        driver.write_config(window + 4, &[bar]);
        at(&mut driver, address, bytes);
        driver.write_config(window + 16, &[0]);
        assert_eq!(driver.status(), 15);
    }
}

#[test]
fn config_space_is_the_devices() {
    let (mut driver, seen, _) = rig();
    seen.state().config[4] = 31;
    driver.write(driver.config + 8, &[65]);
    assert_eq!(driver.read::<4>(driver.config + 4), [31, 0, 0, 0]);
    assert_eq!(seen.state().config[8], 65);
    assert_eq!(driver.read::<4>(driver.config + 10), [0; 4]);
}

#[test]
fn a_config_change_is_told_with_a_new_generation() {
    let (seen, wiring) = (Seen::default(), FakeWiring::new());
    let device = VirtioPci::new(seen.device(), seen.attachment(wiring.clone())).unwrap();
    let change = device.config_change();
    let mut root = PciRoot::new(WINDOW_START..0xd000_0000);
    root.add(Box::new(device)).unwrap();
    let mut driver = PciDriver::probe(root, 1);
    driver.bring_up_with_vectors();
    change.notify();
    assert_eq!(driver.read(driver.common + 21), [1]);
    assert_eq!(sent(&wiring), [0x40]);
}

#[test]
fn a_reset_of_the_machine_leaves_nothing_and_the_next_kernel_starts_anew() {
    let (mut driver, seen, wiring) = rig();
    for _ in 0..3 {
        driver.bring_up_with_vectors();
        driver.write_config(0x10, &0xe000_0000_u32.to_le_bytes());
        driver.root.reset();
        assert!(seen.running().is_empty() && wiring.io_events().is_empty());
        assert_eq!((wiring.connected(), wiring.is_high(LINE)), (0, false));
        driver = PciDriver::probe(driver.root, 1);
        assert_eq!(driver.bar(), u64::from(WINDOW_START));
    }
    driver.bring_up();
    drop(driver);
    assert!(seen.running().is_empty() && wiring.io_events().is_empty());
    assert!(wiring.mistakes().is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Config(u16, Vec<u8>),
    ConfigRead(u16, usize),
    Memory(u64, Vec<u8>),
    MemoryRead(u64, usize),
    Place(u32),
    BringUp(bool),
    Used(u8),
    Refuse(bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..9);
    let offset = || {
        prop_oneof![
            0..64_u64,
            0x1000..0x1008_u64,
            0x2000..0x2010_u64,
            0x3000..0x3108_u64,
            0x8000..0x8080_u64,
            0x1_0000..0x1_0040_u64,
            0..0x2_0010_u64,
        ]
    };
    prop_oneof![
        4 => (0..0x104_u16, bytes()).prop_map(|(at, bytes)| Step::Config(at, bytes)),
        1 => (0..0x104_u16, 1..9_usize).prop_map(|(at, bytes)| Step::ConfigRead(at, bytes)),
        8 => (offset(), bytes()).prop_map(|(at, bytes)| Step::Memory(at, bytes)),
        4 => (offset(), 1..9_usize).prop_map(|(at, bytes)| Step::MemoryRead(at, bytes)),
        1 => any::<u32>().prop_map(Step::Place),
        2 => any::<bool>().prop_map(Step::BringUp),
        2 => any::<u8>().prop_map(Step::Used),
        1 => any::<bool>().prop_map(Step::Refuse),
    ]
}

proptest! {
    #[test]
    fn a_guest_that_misbehaves_at_the_bus_leaks_nothing_and_loses_no_device(
        steps in prop::collection::vec(any_step(), 1..60)
    ) {
        let (mut driver, seen, wiring) = rig();
        for step in steps {
            let bar = driver.bar();
            match step {
                Step::Config(at, bytes) => driver.root.write_ecam(0x8000 + u64::from(at), &bytes),
                Step::ConfigRead(at, bytes) => {
                    driver.root.read_ecam(0x8000 + u64::from(at), &mut vec![0; bytes]);
                }
                Step::Memory(at, bytes) => _ = driver.root.write_memory(bar + at, &bytes),
                Step::MemoryRead(at, bytes) => {
                    driver.root.read_memory(bar + at, &mut vec![0; bytes]);
                }
                Step::Place(place) => driver.write_config(0x10, &place.to_le_bytes()),
                Step::BringUp(vectors) => {
                    driver.root.reset();
                    driver = PciDriver::probe(driver.root, 1);
                    if vectors {
                        driver.bring_up_with_vectors();
                    } else {
                        driver.bring_up();
                    }
                }
                Step::Used(queue) => {
                    if let Some(queue) = seen.state().started.get(usize::from(queue % 8)) {
                        queue.used_buffers.notify();
                    }
                }
                Step::Refuse(refuses) => wiring.refuse(refuses),
            }
            let running = seen.running().len();
            prop_assert!(wiring.io_events().len() <= usize::from(QUEUES));
            prop_assert!(wiring.connected() <= running + 1);
            prop_assert!(running > 0 || wiring.io_events().is_empty() || !seen.state().faults.is_empty());
            seen.state().faults.clear();
        }
        wiring.refuse(false);
        driver.root.reset();
        prop_assert!(seen.running().is_empty() && wiring.io_events().is_empty());
        prop_assert_eq!((wiring.connected(), wiring.is_high(LINE)), (0, false));
        prop_assert_eq!(wiring.mistakes(), Vec::<String>::new());
        let mut driver = PciDriver::probe(driver.root, 1);
        driver.bring_up_with_vectors();
        assert_notified(&mut driver, &seen, &wiring);
    }
}
