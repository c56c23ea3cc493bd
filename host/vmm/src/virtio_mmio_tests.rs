//! The registers, brought up as Linux does (`drivers/virtio/virtio_mmio.c`).
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use proptest::prelude::*;

use super::*;
use crate::fake_device::{LINE, OFFERED, QUEUES, Seen};
use crate::fake_wiring::FakeWiring;
use crate::wiring::IoEvent;

const BASE: u64 = 0xd000_0000;

struct Driver {
    device: VirtioMmio,
    seen: Seen,
    wiring: Arc<FakeWiring>,
}

impl Driver {
    fn new() -> Self {
        let (seen, wiring) = (Seen::default(), FakeWiring::new());
        let attachment = seen.attachment(wiring.clone());
        Self {
            device: VirtioMmio::new(seen.device(), BASE, attachment).unwrap(),
            seen,
            wiring,
        }
    }

    fn read(&mut self, offset: u64) -> u32 {
        let mut into = [0xaa; 4];
        self.device.read(offset, &mut into);
        u32::from_le_bytes(into)
    }

    fn write(&mut self, offset: u64, value: u32) {
        self.device.write(offset, &value.to_le_bytes());
    }

    fn set_up_queue(&mut self, queue: u32) {
        self.write(0x30, queue);
        assert_eq!(self.read(0x44), 0, "not ready yet");
        assert_eq!(self.read(0x34), 256);
        self.write(0x38, 64);
        let ring = 0x1_0000 + queue * 0x1000;
        for (register, address) in [(0x80, ring), (0x90, ring + 0x400), (0xa0, ring + 0x800)] {
            self.write(register, address);
            self.write(register + 4, 0);
        }
        self.write(0x44, 1);
        assert_eq!(self.read(0x44), 1);
    }

    fn bring_up(&mut self) {
        assert_eq!(self.read(0), u32::from_le_bytes(*b"virt"));
        assert_eq!((self.read(4), self.read(8)), (2, 3));
        self.write(0x70, 0);
        self.write(0x70, 1);
        self.write(0x70, 3);
        let mut offered = 0;
        for select in [1, 0] {
            self.write(0x14, select);
            offered = offered << 32 | u64::from(self.read(0x10));
        }
        assert_eq!(offered, OFFERED);
        for (select, half) in [(1, offered >> 32), (0, offered & 0xffff_ffff)] {
            self.write(0x24, select);
            self.write(0x20, u32::try_from(half).unwrap());
        }
        self.write(0x70, 11);
        assert_eq!(self.read(0x70), 11);
        (0..u32::from(QUEUES)).for_each(|queue| self.set_up_queue(queue));
        self.write(0x70, 15);
        assert_eq!(self.read(0x70), 15);
    }
}

#[test]
fn a_driver_brings_the_device_up() {
    let mut driver = Driver::new();
    driver.bring_up();
    assert_eq!(driver.seen.running(), (0..QUEUES).collect::<Vec<_>>());
    driver.seen.with_queue(2, |queue| {
        assert_eq!((queue.size, queue.descriptors.0), (64, 0x1_2000));
        assert_eq!((queue.available.0, queue.used.0), (0x1_2400, 0x1_2800));
    });
    assert!(driver.seen.state().faults.is_empty());
}

#[test]
fn each_queue_is_notified_by_its_index_without_an_exit() {
    let mut driver = Driver::new();
    driver.bring_up();
    for queue in 0..QUEUES {
        assert!(driver.wiring.guest_writes(BASE + 0x50, u32::from(queue)));
        assert_eq!(driver.seen.kicks(queue), 1);
    }
    assert!(!driver.wiring.guest_writes(BASE + 0x50, u32::from(QUEUES)));
    driver.write(0x50, 2);
    driver.write(0x50, u32::from(QUEUES));
    driver.write(0x50, 0x1_0003);
    let kicks: Vec<_> = (0..QUEUES).map(|queue| driver.seen.kicks(queue)).collect();
    assert_eq!(kicks, [0, 0, 1, 0, 0, 0]);
}

#[test]
fn the_line_is_high_until_the_driver_acknowledges() {
    let mut driver = Driver::new();
    driver.bring_up();
    driver.seen.use_buffers(1);
    assert!(driver.wiring.is_high(LINE));
    let status = driver.read(0x60);
    assert_eq!(status, 1);
    driver.seen.with_queue(1, |queue| queue.broken.notify());
    driver.write(0x64, status);
    assert_eq!((driver.read(0x60), driver.wiring.rises(LINE)), (2, 2));
    driver.write(0x64, u32::MAX);
    assert_eq!((driver.read(0x60), driver.wiring.is_high(LINE)), (0, false));
    assert_eq!(driver.read(0x70), 15 | 64);
}

#[test]
fn a_queue_is_taken_back_before_the_device_runs() {
    let mut driver = Driver::new();
    driver.set_up_queue(0);
    driver.write(0x44, 0);
    assert_eq!(driver.read(0x44), 0);
    driver.bring_up();
    driver.write(0x30, 0);
    driver.write(0x44, 0);
    assert_eq!(driver.read(0x44), 1, "it ends by a reset alone");
}

#[test]
fn a_queue_that_does_not_exist_has_no_size() {
    let mut driver = Driver::new();
    for queue in [u32::from(QUEUES), 0xffff, 0x1_0000, u32::MAX] {
        driver.write(0x30, queue);
        driver.write(0x38, 16);
        driver.write(0x44, 1);
        assert_eq!((driver.read(0x34), driver.read(0x44)), (0, 0), "{queue}");
    }
}

#[test]
fn there_is_no_shared_memory() {
    let mut driver = Driver::new();
    for region in [0, 1, 255] {
        driver.write(0xac, region);
        for register in [0xb0, 0xb4, 0xb8, 0xbc] {
            assert_eq!(driver.read(register), u32::MAX);
        }
    }
}

#[test]
fn a_register_has_32_bits_and_config_space_any() {
    let mut driver = Driver::new();
    driver.bring_up();
    for bytes in [1, 2, 3, 5, 8] {
        driver.device.write(0x70, &vec![0; bytes]);
        let mut into = vec![0xaa; bytes];
        driver.device.read(0x00, &mut into);
        assert_eq!(into, vec![0; bytes]);
    }
    driver.write(0x70, 0x100);
    driver.write(0x71, 0);
    assert_eq!(driver.read(0x70), 15);
    driver.device.write(0x108, &[65]);
    assert_eq!(driver.seen.state().config[8], 65);
    driver.seen.state().config[4] = 31;
    assert_eq!(driver.read(0x104), 31);
    let mut one = [0];
    driver.device.read(0x108, &mut one);
    assert_eq!(one, [65]);
}

#[test]
fn a_config_change_is_told_with_a_new_generation() {
    let mut driver = Driver::new();
    driver.bring_up();
    driver.device.config_change().notify();
    assert_eq!((driver.read(0xfc), driver.read(0x60)), (1, 2));
}

#[test]
fn a_reset_leaves_nothing_wired() {
    let mut driver = Driver::new();
    driver.bring_up();
    let value = Some(0);
    let address = BASE + 0x50;
    assert_eq!(driver.wiring.io_events()[0], IoEvent { address, value });
    driver.seen.use_buffers(0);
    driver.device.reset();
    assert!(driver.seen.running().is_empty() && driver.wiring.io_events().is_empty());
    assert!(!driver.wiring.is_high(LINE));
    driver.bring_up();
    drop(driver.device);
    assert!(driver.wiring.io_events().is_empty() && driver.wiring.mistakes().is_empty());
}

proptest! {
    #[test]
    fn a_guest_that_misbehaves_at_the_bus_leaks_nothing_and_loses_no_device(
        steps in prop::collection::vec(
            (0..0x11c_u64, any::<bool>(), prop::collection::vec(any::<u8>(), 1..9), any::<bool>()),
            1..80,
        )
    ) {
        let mut driver = Driver::new();
        driver.bring_up();
        for (offset, aligned, bytes, used) in steps {
            let offset = if aligned { offset & !3 } else { offset };
            driver.device.write(offset, &bytes);
            driver.device.write(offset, &[bytes[0] & 15, 0, 0, 0]);
            driver.device.read(offset, &mut vec![0; bytes.len()]);
            if used && let Some(queue) = driver.seen.state().started.first() {
                queue.used_buffers.notify();
            }
            prop_assert!(driver.wiring.io_events().len() <= usize::from(QUEUES));
            prop_assert_eq!(driver.read(0x60) != 0, driver.wiring.is_high(LINE));
        }
        driver.bring_up();
        prop_assert_eq!(driver.wiring.io_events().len(), usize::from(QUEUES));
        prop_assert_eq!(driver.wiring.mistakes(), Vec::<String>::new());
    }
}
