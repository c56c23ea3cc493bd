//! The driver's half of a split virtqueue (VIRTIO 1.2, section 2.7). Each slot has
//! its own descriptor and its own buffer.

use crate::cpu;
use crate::memory::{self, Pool};
use crate::transport::Rings;

/// Entries of a queue, where the device does not want fewer: as many as a word has
/// bits.
pub const SIZE: u16 = 64;

/// A descriptor that the device writes to.
const WRITABLE: u16 = 2;
/// The device wants no notification.
const NO_NOTIFY: u16 = 1;

/// A queue and its buffers.
pub struct Queue {
    /// Where its rings are.
    pub rings: Rings,
    buffers: u64,
    buffer_bytes: u32,
    /// A bit for each slot that is free.
    free: u64,
    event_idx: bool,
    next_available: u16,
    next_used: u16,
}

/// A buffer that the device has given back.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    slot: u16,
    /// What the device wrote into it.
    pub bytes: &'static [u8],
}

impl Queue {
    /// Makes a queue of up to `limit` entries.
    pub fn new(pool: &Pool, limit: u16, event_idx: bool) -> Self {
        let descriptors = pool.take_dirty(4096);
        let size = limit.min(SIZE);
        let rings = Rings {
            size,
            descriptors,
            available: descriptors + 1024,
            used: descriptors + 2048,
        };
        // Flags and index of each ring, and when to tell of an entry: all that is
        // read before it is written.
        cpu::store32(rings.available, 0);
        cpu::store32(rings.used, 0);
        cpu::store16(rings.available + 4 + 2 * u64::from(size), 0);
        cpu::store16(rings.used + 4 + 8 * u64::from(size), 0);
        Self {
            rings,
            buffers: 0,
            buffer_bytes: 0,
            free: 0,
            event_idx,
            next_available: 0,
            next_used: 0,
        }
    }

    /// Gives it buffers, for `count` slots.
    pub fn take_buffers(&mut self, pool: &Pool, count: u16, bytes: u32) {
        let count = count.min(self.rings.size);
        self.free = !0 >> (64 - count);
        self.buffer_bytes = bytes;
        self.buffers = pool.take_dirty(u64::from(count) * u64::from(bytes));
    }

    /// Offers every free buffer to be written to.
    pub fn offer_all(&mut self) {
        while let Some(slot) = self.take_free() {
            self.offer(slot, self.buffer_bytes, WRITABLE);
        }
    }

    /// Has `fill` fill a free buffer, of which it hears the address and the size,
    /// and sends as much as it says. False where there is none.
    pub fn send(&mut self, fill: impl FnOnce(u64, u64) -> u64) -> bool {
        let Some(slot) = self.take_free() else {
            return false;
        };
        let length = fill(self.buffer(slot), self.buffer_bytes.into());
        self.offer(slot, length as u32, 0);
        true
    }

    /// The next buffer that the device has given back.
    pub fn used(&mut self) -> Option<Used> {
        if cpu::load16(self.rings.used + 2) == self.next_used {
            return None;
        }
        let entry = self.rings.used + 4 + 8 * u64::from(self.next_used % self.rings.size);
        let slot = cpu::load32(entry) as u16 % self.rings.size;
        let length = cpu::load32(entry + 4).min(self.buffer_bytes);
        self.next_used = self.next_used.wrapping_add(1);
        if self.event_idx {
            // The next one is to be told of.
            cpu::store16(
                self.rings.available + 4 + 2 * u64::from(self.rings.size),
                self.next_used,
            );
            cpu::fence();
        }
        let bytes = memory::bytes(self.buffer(slot), length as usize);
        Some(Used { slot, bytes })
    }

    /// Takes a used buffer back, to be sent again.
    pub fn free(&mut self, used: Used) {
        self.free |= 1 << used.slot;
    }

    /// Offers a used buffer to be written to again.
    pub fn offer_again(&mut self, used: Used) {
        self.offer(used.slot, self.buffer_bytes, WRITABLE);
    }

    /// Whether the device must be told of what was offered since `next_available`
    /// was `since`.
    pub fn must_notify(&self, since: u16) -> bool {
        cpu::fence();
        if !self.event_idx {
            return cpu::load16(self.rings.used) & NO_NOTIFY == 0;
        }
        let event = cpu::load16(self.rings.used + 4 + 8 * u64::from(self.rings.size));
        let new = self.next_available;
        new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(since)
    }

    /// How much was offered, modulo 65,536.
    pub fn offered(&self) -> u16 {
        self.next_available
    }

    /// Whether the device has given back all that it was offered.
    pub fn is_idle(&self) -> bool {
        self.next_used == self.next_available
    }

    fn take_free(&mut self) -> Option<u16> {
        let slot = self.free.trailing_zeros() as u16;
        self.free &= self.free.wrapping_sub(1);
        (slot < SIZE).then_some(slot)
    }

    fn buffer(&self, slot: u16) -> u64 {
        self.buffers + u64::from(slot) * u64::from(self.buffer_bytes)
    }

    fn offer(&mut self, slot: u16, length: u32, flags: u16) {
        let descriptor = self.rings.descriptors + 16 * u64::from(slot);
        cpu::store64(descriptor, self.buffer(slot));
        cpu::store32(descriptor + 8, length);
        cpu::store32(descriptor + 12, flags.into());
        let place = u64::from(self.next_available % self.rings.size);
        cpu::store16(self.rings.available + 4 + 2 * place, slot);
        self.next_available = self.next_available.wrapping_add(1);
        cpu::store16(self.rings.available + 2, self.next_available);
    }
}
