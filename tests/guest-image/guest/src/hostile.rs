//! A guest that misbehaves at the bus, in each way that a host must bear: after
//! each, the device must come up again and serve its ports.

use core::ops::Range;

use crate::cpu;
use crate::driver::{Driver, Outcome, Waiting, negotiate, start_queues};
use crate::memory::Pool;
use crate::pci::{ADDRESS, DATA, Function, Pci};
use crate::serial::Word::{Number, Text};
use crate::serial::say;
use crate::talk;
use crate::transport::{
    ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET, Rings, Transport,
};

/// Every bit of the status that a driver sets on its way.
const READY: u8 = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;

/// Beyond any memory that a test gives; not even a page; in no canonical form;
/// in the interrupt controllers' place; so that a ring's end wraps around.
const BAD_ADDRESSES: [u64; 7] = [
    0x0000_7fff_ffff_f000,
    0x1,
    0x8000_0000_0000_0000,
    0xfee0_0000,
    0xfec0_0000,
    0xffff_ffff_ffff_fff0,
    !0,
];
/// No power of two, none at all, and more than any device has.
const BAD_SIZES: [u16; 7] = [0, 3, 255, 257, 4096, 0x8000, 0xffff];
/// Queues that no device of a test has, but for the first.
const ABSENT_QUEUES: [u16; 5] = [0, 66, 1000, 0x8000, 0xffff];

/// What a device that survived echoes, in bytes.
const QUICK_SIZES: [u64; 2] = [1, 4096];

/// How the device is reached, for what is peculiar to it.
pub enum Bus<'a> {
    /// By memory alone.
    Mmio,
    /// By PCI.
    Pci(&'a Pci),
}

/// What misbehaving needs.
struct Rogue<'a> {
    transport: &'a dyn Transport,
    pool: &'a Pool,
    waiting: Waiting,
    ports: usize,
    /// The next odd value: a linear congruential generator.
    random: u64,
}

/// Misbehaves in every way, one after the other.
pub fn misbehave(
    transport: &dyn Transport,
    bus: &Bus,
    pool: &Pool,
    waiting: Waiting,
    ports: usize,
) -> Outcome<()> {
    let mut rogue = Rogue {
        transport,
        pool,
        waiting,
        ports,
        random: 1,
    };
    rogue.reset_at_each_step()?;
    rogue.survived("resets at each step of the handshake")?;
    rogue.wrong_sizes()?;
    rogue.survived("queue sizes that are none")?;
    rogue.wrong_addresses()?;
    rogue.survived("queues outside of memory")?;
    rogue.wrong_order()?;
    rogue.survived("steps out of order, and twice")?;
    rogue.absent_queues()?;
    rogue.survived("notifications for queues that do not exist")?;
    match bus {
        Bus::Mmio => rogue.scribble_on_windows(),
        Bus::Pci(pci) => {
            rogue.scribble_on_function(pci.function);
            pci.restore();
            rogue.survived("odd accesses all over configuration space")?;
            rogue.move_bars(pci)?;
            rogue.survived("BARs moved and switched off under a running device")?;
            rogue.wrong_vectors(pci)?;
            rogue.survived("vectors that do not exist, and masks")?;
            rogue.scribble_on_windows();
            pci.restore();
        }
    }
    rogue.survived("odd accesses all over the registers")
}

impl Rogue<'_> {
    /// The device comes up and serves its ports, whatever was done to it.
    fn survived(&self, what: &str) -> Outcome<()> {
        let pool = self.pool.clone();
        let mut driver = Driver::start(self.transport, &pool, self.waiting, self.ports)?;
        talk::echo(&mut driver, &pool, self.ports, &QUICK_SIZES, 1)?;
        say(&[Text("survived "), Text(what)]);
        Ok(())
    }

    fn told(&self, what: &str, times: usize, of: usize) {
        let (times, of) = (times as u64, of as u64);
        say(&[
            Text(what),
            Text(": "),
            Number(times),
            Text(" of "),
            Number(of),
        ]);
    }

    fn random(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.random >> 16
    }

    fn reset(&self) -> Outcome<()> {
        self.transport.set_status(0);
        match self.transport.status() {
            0 => Ok(()),
            _ => Err("the device does not reset"),
        }
    }

    fn reset_at_each_step(&self) -> Outcome<()> {
        for step in 0..8 {
            let pool = self.pool.clone();
            let status = READY >> (7 - step);
            self.transport.set_status(status & (ACKNOWLEDGE | DRIVER));
            self.reset()?;
            let event_idx = negotiate(self.transport)?;
            if step > 1 {
                start_queues(self.transport, &pool, event_idx, self.ports)?;
            }
            if step > 2 {
                self.transport.set_status(READY);
            }
            if step > 3 {
                self.transport.notify(3);
            }
            self.reset()?;
            self.reset()?;
            if step > 4 {
                Driver::start(self.transport, &pool, self.waiting, self.ports)?;
            }
            self.reset()?;
        }
        Ok(())
    }

    fn wrong_sizes(&self) -> Outcome<()> {
        let mut refused = 0;
        for size in BAD_SIZES {
            refused += self.start_wrongly(|rings| Rings { size, ..rings })?;
        }
        self.told("sizes refused", refused, BAD_SIZES.len());
        Ok(())
    }

    fn wrong_addresses(&self) -> Outcome<()> {
        let mut refused = 0;
        for bad in BAD_ADDRESSES {
            refused += self.start_wrongly(|rings| Rings {
                descriptors: bad,
                ..rings
            })?;
            refused += self.start_wrongly(|rings| Rings {
                available: bad,
                ..rings
            })?;
            refused += self.start_wrongly(|rings| Rings { used: bad, ..rings })?;
        }
        self.told("rings refused", refused, 3 * BAD_ADDRESSES.len());
        Ok(())
    }

    /// Brings the device up with the first queues' rings spoilt, and uses them.
    /// Answers 1 where the device says that it needs a reset, else 0.
    fn start_wrongly(&self, spoil: impl Fn(Rings) -> Rings) -> Outcome<usize> {
        let pool = self.pool.clone();
        let event_idx = negotiate(self.transport)?;
        let queues = start_queues(self.transport, &pool, event_idx, self.ports)?;
        self.reset()?;
        negotiate(self.transport)?;
        for (index, queue) in (0..).zip(queues.iter().flatten()) {
            let rings = queue.rings;
            let rings = if index < 6 { spoil(rings) } else { rings };
            self.transport.start_queue(index, rings);
        }
        self.transport.set_status(READY);
        for queue in 0..6 {
            self.transport.notify(queue);
        }
        let refused = self.transport.status() & NEEDS_RESET != 0;
        self.reset()?;
        Ok(refused.into())
    }

    fn wrong_order(&self) -> Outcome<()> {
        let pool = self.pool.clone();
        // Ready at once; then features after they were chosen.
        self.reset()?;
        self.transport.set_status(READY);
        self.transport.notify(3);
        self.reset()?;
        let event_idx = negotiate(self.transport)?;
        self.transport.choose_features(0, !0);
        self.transport.choose_features(1, !0);
        self.transport.choose_features(7, !0);
        self.transport.features(!0);
        // Queues told of twice, before and after they run, and elsewhere.
        let queues = start_queues(self.transport, &pool, event_idx, self.ports)?;
        start_queues(self.transport, &pool, event_idx, self.ports)?;
        self.transport.set_status(READY);
        self.transport.set_status(READY);
        for (index, queue) in (0..).zip(queues.iter().flatten()) {
            let used = queue.rings.used + (1 << 20);
            self.transport.start_queue(
                index,
                Rings {
                    used,
                    ..queue.rings
                },
            );
        }
        // Bits of the status taken back, and ones that nobody knows.
        self.transport.set_status(ACKNOWLEDGE);
        self.transport.set_status(!0);
        self.transport.set_status(READY);
        self.reset()
    }

    fn absent_queues(&self) -> Outcome<()> {
        let pool = self.pool.clone();
        for runs in [false, true] {
            if runs {
                Driver::start(self.transport, &pool, self.waiting, self.ports)?;
            }
            for queue in ABSENT_QUEUES {
                self.transport.queue_limit(queue);
                if queue > 0 {
                    let nowhere = Rings {
                        size: 1,
                        descriptors: 0,
                        available: 0,
                        used: 0,
                    };
                    self.transport.start_queue(queue, nowhere);
                }
                self.transport.notify(queue);
            }
            self.reset()?;
        }
        Ok(())
    }

    /// Accesses of each size at each place of configuration space, aligned or
    /// not, and of the address register itself.
    fn scribble_on_function(&mut self, function: Function) {
        for function in [function, Function(0), Function(0xff_ffff)] {
            for offset in (0..0x100).step_by(4) {
                for place in 0..4 {
                    function.read(offset);
                    cpu::in8(DATA + place);
                    cpu::in16(DATA + place);
                    cpu::in32(DATA + place);
                    let value = self.random();
                    match value >> 40 & 3 {
                        0 => cpu::out8(DATA + place, value as u8),
                        1 => cpu::out16(DATA + place, value as u16),
                        _ => cpu::out32(DATA + place, value as u32),
                    }
                    // The address register's second byte is where a reset is asked
                    // for.
                    if place != 1 {
                        cpu::out8(ADDRESS + place, value as u8);
                    }
                    cpu::out16(ADDRESS + 2, value as u16);
                    cpu::in32(ADDRESS + place);
                }
            }
        }
    }

    /// Accesses of each size at each place of the registers, aligned or not, and
    /// of more bytes than a register has.
    fn scribble_on_windows(&mut self) {
        let memory = self.pool.clone().take(4096);
        for window in self.transport.windows() {
            for address in places(&window) {
                cpu::load8(address);
                cpu::load16(address);
                cpu::load32(address);
                cpu::load64(address);
                cpu::copy_odd(address, memory);
                let value = self.random();
                match value >> 40 & 7 {
                    0 => cpu::store8(address, value as u8),
                    1 => cpu::store16(address, value as u16),
                    2 => cpu::store32(address, value as u32),
                    3 => cpu::store64(address, value),
                    4 => cpu::copy_odd(memory, address),
                    _ => {}
                }
            }
        }
    }

    /// Moves each BAR away and back, and switches decoding off, while the device
    /// runs.
    fn move_bars(&self, pci: &Pci) -> Outcome<()> {
        let pool = self.pool.clone();
        let mut driver = Driver::start(self.transport, &pool, self.waiting, self.ports)?;
        for address in [0xf000_0000_u32, 0, 0x10_0000, 0xfee0_0000, 0xffff_f000] {
            for register in [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24] {
                pci.function.write(register, address);
                pci.function.read(register);
                self.transport.status();
                self.transport.notify(4);
            }
            pci.stop_decoding();
            self.transport.notify(4);
            pci.restore();
        }
        // It runs still.
        talk::echo(&mut driver, &pool, self.ports, &QUICK_SIZES, 1)
    }

    fn wrong_vectors(&mut self, pci: &Pci) -> Outcome<()> {
        let pool = self.pool.clone();
        Driver::start(self.transport, &pool, self.waiting, self.ports)?;
        for vector in [0, 1, 2047, 2048, 0x7fff, 0xfffe] {
            cpu::store16(pci.common() + 16, vector);
            for queue in 0..6 {
                cpu::store16(pci.common() + 22, queue);
                cpu::store16(pci.common() + 26, vector);
            }
        }
        for (control, index) in [(0xc000, 0), (0x8000, 1), (0, 2), (0x4000, 3), (0xffff, 4)] {
            pci.write_msix_control(control);
            if let Some(entry) = pci.vector_entry(index) {
                for word in 0..4 {
                    let value = self.random() as u32;
                    cpu::store32(entry + 4 * word, value);
                    self.transport.notify(2 + word as u16);
                }
                cpu::store32(entry + 12, 1);
                cpu::store32(entry + 12, 0);
            }
        }
        pci.restore();
        Ok(())
    }
}

/// Each byte of a window's first and last bytes, and some of what is between:
/// a table of 2,048 vectors is all alike.
fn places(window: &Range<u64>) -> impl Iterator<Item = u64> {
    const WHOLE_BYTES: u64 = 256;
    const STEP: usize = 509;
    let end = window.end.saturating_sub(32).max(window.start);
    let first = window.start..end.min(window.start + WHOLE_BYTES);
    let between = (first.end..end).step_by(STEP);
    let last = end.saturating_sub(WHOLE_BYTES).max(first.end)..end;
    first.chain(between).chain(last)
}
