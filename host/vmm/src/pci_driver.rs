//! A driver for tests: it finds a virtio device on the bus and brings it up as
//! Linux does (`drivers/virtio/virtio_pci_modern_dev.c`).
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use crate::fake_device::{OFFERED, QUEUES};
use crate::pci::PciRoot;

/// Where each queue's parts are, and how far one queue is from the next.
pub(crate) const RINGS: u64 = 0x1_0000;

pub(crate) struct PciDriver {
    pub(crate) root: PciRoot,
    device: u8,
    pub(crate) common: u64,
    pub(crate) isr: u64,
    pub(crate) config: u64,
    pub(crate) notify: u64,
    notify_multiplier: u64,
    pub(crate) msix: u16,
    /// The window's capability.
    pub(crate) window: u16,
    pub(crate) table: u64,
    pub(crate) pending: u64,
}

impl PciDriver {
    /// Finds the device and enables it.
    pub(crate) fn probe(root: PciRoot, device: u8) -> Self {
        let mut driver = Self {
            root,
            device,
            common: 0,
            isr: 0,
            config: 0,
            notify: 0,
            notify_multiplier: 0,
            msix: 0,
            window: 0,
            table: 0,
            pending: 0,
        };
        assert_eq!(driver.config32(0), 0x1043_1af4);
        assert_eq!(driver.config32(8), 0x0780_0001);
        assert_eq!(driver.config32(0x2c), 0x1100_1af4);
        let [status, _] = driver.config_bytes(6);
        assert_eq!(status & 0x10, 0x10, "there are capabilities");
        driver.write_config(4, &[0x06, 0]);
        driver.find_capabilities();
        driver
    }

    fn find_capabilities(&mut self) {
        let bar_bytes = self.bar_bytes();
        let bar = self.bar();
        let [mut at] = self.config_bytes::<1>(0x34);
        let mut found = 0;
        while at != 0 {
            found += 1;
            assert!(
                found < 48 && at >= 0x40 && at.is_multiple_of(4),
                "a list that ends"
            );
            let here = u16::from(at);
            let [id, next, length, kind] = self.config_bytes(here);
            let [bar_number] = self.config_bytes::<1>(here + 4);
            let offset = self.config32(here + 8);
            let bytes = self.config32(here + 12);
            let place = bar + u64::from(offset);
            let fits = |least| bar_number == 0 && bytes >= least && offset + bytes <= bar_bytes;
            match (id, kind) {
                (0x11, _) => {
                    self.msix = here;
                    self.table = bar + u64::from(self.config32(here + 4));
                    self.pending = bar + u64::from(self.config32(here + 8));
                }
                (9, 1) if self.common == 0 => {
                    assert!(fits(56) && offset.is_multiple_of(4) && length >= 16);
                    self.common = place;
                }
                (9, 2) if self.notify == 0 => {
                    assert!(fits(2) && offset.is_multiple_of(2) && length >= 20);
                    self.notify = place;
                    self.notify_multiplier = u64::from(self.config32(here + 16));
                }
                (9, 3) if self.isr == 0 => {
                    assert!(fits(1));
                    self.isr = place;
                }
                (9, 4) if self.config == 0 => {
                    assert!(fits(12) && offset.is_multiple_of(4));
                    self.config = place;
                }
                (9, 5) => {
                    assert!(length >= 20);
                    self.window = here;
                }
                _ => panic!("capability {id} of kind {kind}"),
            }
            at = next;
        }
        assert_eq!(found, 6);
    }

    /// Finds the size of BAR 0, as a guest does.
    fn bar_bytes(&mut self) -> u32 {
        let before = self.config_bytes::<4>(0x10);
        self.write_config(4, &[0x04, 0]);
        self.write_config(0x10, &[0xff; 4]);
        let mask = self.config32(0x10);
        self.write_config(0x10, &before);
        self.write_config(4, &[0x06, 0]);
        mask.wrapping_neg()
    }

    pub(crate) fn bar(&mut self) -> u64 {
        u64::from(self.config32(0x10))
    }

    fn select(&mut self, register: u16) {
        let address = 0x8000_0000 | u32::from(self.device) << 11 | u32::from(register & 0xfc);
        self.root.write_ports(0, &address.to_le_bytes());
    }

    pub(crate) fn config_bytes<const N: usize>(&mut self, register: u16) -> [u8; N] {
        self.select(register);
        let mut into = [0; N];
        self.root.read_ports(4 + u64::from(register & 3), &mut into);
        into
    }

    pub(crate) fn config32(&mut self, register: u16) -> u32 {
        u32::from_le_bytes(self.config_bytes(register))
    }

    pub(crate) fn write_config(&mut self, register: u16, bytes: &[u8]) {
        self.select(register);
        self.root.write_ports(4 + u64::from(register & 3), bytes);
    }

    pub(crate) fn read<const N: usize>(&mut self, address: u64) -> [u8; N] {
        let mut into = [0xaa; N];
        self.root.read_memory(address, &mut into);
        into
    }

    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) {
        assert!(self.root.write_memory(address, bytes));
    }

    pub(crate) fn status(&mut self) -> u8 {
        let [status] = self.read(self.common + 20);
        status
    }

    pub(crate) fn set_status(&mut self, status: u8) {
        self.write(self.common + 20, &[status]);
    }

    /// Resets the device.
    pub(crate) fn reset(&mut self) {
        self.set_status(0);
        assert_eq!(self.status(), 0);
    }

    fn negotiate(&mut self) {
        let mut offered = 0;
        for select in 0..2_u8 {
            self.write(self.common, &[select, 0, 0, 0]);
            offered |= u64::from(u32::from_le_bytes(self.read(self.common + 4))) << (32 * select);
        }
        assert_eq!(offered, OFFERED);
        let [a, b, c, d, e, f, g, h] = offered.to_le_bytes();
        for (select, half) in [(0, [a, b, c, d]), (1, [e, f, g, h])] {
            self.write(self.common + 8, &[select, 0, 0, 0]);
            self.write(self.common + 12, &half);
        }
        self.set_status(11);
        assert_eq!(self.status(), 11);
    }

    /// Gives the selected queue a vector. Returns what the device says.
    pub(crate) fn queue_vector(&mut self, queue: u16, vector: u16) -> u16 {
        self.write(self.common + 22, &queue.to_le_bytes());
        self.write(self.common + 26, &vector.to_le_bytes());
        u16::from_le_bytes(self.read(self.common + 26))
    }

    pub(crate) fn config_vector(&mut self, vector: u16) -> u16 {
        self.write(self.common + 16, &vector.to_le_bytes());
        u16::from_le_bytes(self.read(self.common + 16))
    }

    fn set_up_queue(&mut self, queue: u16) {
        let common = self.common;
        self.write(common + 22, &queue.to_le_bytes());
        assert_eq!(self.read(common + 28), [0, 0], "not enabled yet");
        assert_eq!(u16::from_le_bytes(self.read(common + 24)), 256);
        self.write(common + 24, &64_u16.to_le_bytes());
        let ring = RINGS + u64::from(queue) * 0x1000;
        for (field, address) in [(32, ring), (40, ring + 0x400), (48, ring + 0x800)] {
            let [a, b, c, d, e, f, g, h] = address.to_le_bytes();
            self.write(common + field, &[a, b, c, d]);
            self.write(common + field + 4, &[e, f, g, h]);
        }
        self.write(common + 28, &[1, 0]);
    }

    /// Where a queue is notified.
    pub(crate) fn notify_address(&mut self, queue: u16) -> u64 {
        self.write(self.common + 22, &queue.to_le_bytes());
        let offset = u16::from_le_bytes(self.read(self.common + 30));
        self.notify + u64::from(offset) * self.notify_multiplier
    }

    /// Writes a vector's entry: its address, its data, and unmasks it.
    pub(crate) fn set_message(&mut self, vector: u16, data: u32) {
        let entry = self.table + 16 * u64::from(vector);
        self.write(entry, &0xfee0_0000_u32.to_le_bytes());
        self.write(entry + 4, &[0; 4]);
        self.write(entry + 8, &data.to_le_bytes());
        self.mask(vector, false);
    }

    pub(crate) fn mask(&mut self, vector: u16, masked: bool) {
        let entry = self.table + 16 * u64::from(vector);
        self.write(entry + 12, &[u8::from(masked), 0, 0, 0]);
    }

    /// Enables MSI-X, all vectors masked or not.
    pub(crate) fn enable_msix(&mut self, enabled: bool, masked: bool) {
        let control = u8::from(enabled) << 7 | u8::from(masked) << 6;
        let [low, _] = self.config_bytes(self.msix + 2);
        self.write_config(self.msix + 2, &[low, control]);
    }

    /// Brings the device up without MSI-X.
    pub(crate) fn bring_up(&mut self) {
        self.bring_up_with(|_| {});
    }

    /// Brings the device up with a vector for the configuration and for each
    /// queue; the messages' data are 0x40 and following.
    pub(crate) fn bring_up_with_vectors(&mut self) {
        self.bring_up_with(|driver| {
            driver.enable_msix(true, true);
            for vector in 0..=QUEUES {
                driver.set_message(vector, 0x40 + u32::from(vector));
            }
            driver.enable_msix(true, false);
            assert_eq!(driver.config_vector(0), 0);
            for queue in 0..QUEUES {
                assert_eq!(driver.queue_vector(queue, queue + 1), queue + 1);
            }
        });
    }

    fn bring_up_with(&mut self, interrupts: impl FnOnce(&mut Self)) {
        self.reset();
        self.set_status(1);
        self.set_status(3);
        self.negotiate();
        assert_eq!(u16::from_le_bytes(self.read(self.common + 18)), QUEUES);
        interrupts(self);
        (0..QUEUES).for_each(|queue| self.set_up_queue(queue));
        self.set_status(15);
        assert_eq!(self.status(), 15);
    }
}
