//! A virtio device whose registers are memory (VIRTIO 1.2, section 4.2).

use core::ops::Range;

use crate::boot::{Boot, number, strip};
use crate::cpu;
use crate::interrupts;
use crate::transport::{Rings, Transport};

/// A device, and where its registers are.
pub struct Mmio(u64);

impl Mmio {
    /// Finds the console device that the command line tells of, by
    /// `virtio_mmio.device=SIZE@ADDRESS:IRQ` as for Linux.
    pub fn find(boot: &Boot) -> Option<Self> {
        boot.words()
            .filter_map(|word| strip(word, "virtio_mmio.device="))
            .find_map(|device| {
                let place = device.split(|byte| *byte == b'@').nth(1)?;
                let mut numbers = place.split(|byte| *byte == b':');
                let base = number(numbers.next()?)?;
                let line = number(numbers.next()?)?;
                let found = Self(base);
                let known = found.read(0) == u32::from_le_bytes(*b"virt") && found.read(4) == 2;
                if !known || found.read(8) != 3 {
                    return None;
                }
                interrupts::route_line(line as u8);
                Some(found)
            })
    }

    /// Where its registers begin.
    pub fn base(&self) -> u64 {
        self.0
    }

    fn read(&self, offset: u64) -> u32 {
        cpu::load32(self.0 + offset)
    }

    fn write(&self, offset: u64, value: u32) {
        cpu::store32(self.0 + offset, value);
    }
}

impl Transport for Mmio {
    fn status(&self) -> u8 {
        self.read(0x70) as u8
    }

    fn set_status(&self, status: u8) {
        self.write(0x70, status.into());
    }

    fn features(&self, word: u32) -> u32 {
        self.write(0x14, word);
        self.read(0x10)
    }

    fn choose_features(&self, word: u32, bits: u32) {
        self.write(0x24, word);
        self.write(0x20, bits);
    }

    fn queue_limit(&self, queue: u16) -> u16 {
        self.write(0x30, queue.into());
        self.read(0x34) as u16
    }

    fn start_queue(&self, queue: u16, rings: Rings) {
        self.write(0x30, queue.into());
        self.write(0x38, rings.size.into());
        for (offset, address) in [
            (0x80, rings.descriptors),
            (0x90, rings.available),
            (0xa0, rings.used),
        ] {
            self.write(offset, address as u32);
            self.write(offset + 4, (address >> 32) as u32);
        }
        self.write(0x44, 1);
    }

    fn notify(&self, queue: u16) {
        self.write(0x50, queue.into());
    }

    fn config(&self, offset: u64) -> u32 {
        self.read(0x100 + offset)
    }

    fn acknowledge(&self) {
        self.write(0x64, self.read(0x60));
    }

    fn windows(&self) -> [Range<u64>; 6] {
        let mut windows = [const { 0..0 }; 6];
        windows[0] = self.0..self.0 + 0x200;
        windows
    }
}
