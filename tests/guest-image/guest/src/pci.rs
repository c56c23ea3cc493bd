//! A virtio device on the PCI bus (VIRTIO 1.2, section 4.1).

use core::array;
use core::cell::Cell;
use core::ops::Range;

use crate::cpu;
use crate::interrupts;
use crate::transport::{Rings, Transport};

/// Where a configuration address is chosen, and its data appear.
pub const ADDRESS: u16 = 0xcf8;
/// The data.
pub const DATA: u16 = 0xcfc;

/// Virtio's vendor, and a console device: of now, and one that knows the old
/// interface too.
const CONSOLES: [u32; 2] = [0x1043_1af4, 0x1003_1af4];
/// Where a BAR goes that no firmware has placed: most machines keep a hole here.
const UNPLACED: u64 = 0xe000_0000;
/// Memory decoding and bus mastering.
const ENABLED: u16 = 6;
/// The latter alone. A device that may not master the bus may forget its driver,
/// as QEMU's does.
const BUS_MASTER: u16 = 4;
/// The command register.
const COMMAND: u32 = 4;
const CAPABILITY_VENDOR: u8 = 0x09;
const CAPABILITY_MSIX: u8 = 0x11;
const MSIX_ENABLED: u16 = 1 << 15;
/// No vector.
const NONE: u16 = 0xffff;

/// One function of the bus.
#[derive(Debug, Clone, Copy)]
pub struct Function(pub u32);

impl Function {
    /// Reads four bytes of its configuration space.
    pub fn read(self, offset: u32) -> u32 {
        cpu::out32(ADDRESS, 1 << 31 | self.0 << 8 | offset & 0xfc);
        cpu::in32(DATA)
    }

    /// Writes four bytes of it.
    pub fn write(self, offset: u32, value: u32) {
        cpu::out32(ADDRESS, 1 << 31 | self.0 << 8 | offset & 0xfc);
        cpu::out32(DATA, value);
    }

    fn write16(self, offset: u32, value: u16) {
        cpu::out32(ADDRESS, 1 << 31 | self.0 << 8 | offset & 0xfc);
        cpu::out16(DATA + (offset & 2) as u16, value);
    }

    /// A memory BAR's range, placed if nothing has placed it.
    fn bar(self, index: u32, next: &mut u64) -> Range<u64> {
        let register = 0x10 + 4 * index;
        let low = self.read(register);
        if low & 1 == 1 {
            return 0..0;
        }
        let wide = low & 6 == 4;
        self.write(register, !0);
        let size = u64::from(!(self.read(register) & !0xf)) + 1;
        self.write(register, low);
        let high = if wide { self.read(register + 4) } else { 0 };
        let mut base = u64::from(high) << 32 | u64::from(low & !0xf);
        if size > u64::from(u32::MAX) {
            return 0..0;
        }
        if base == 0 {
            base = next.next_multiple_of(size);
            *next = base + size;
            self.write(register, base as u32);
        }
        base..base + size
    }
}

/// A structure of the device within a BAR.
#[derive(Debug, Clone, Copy, Default)]
struct Structure {
    base: u64,
    multiplier: u64,
}

/// The MSI-X capability.
#[derive(Debug, Clone, Copy)]
struct Msix {
    capability: u32,
    table: u64,
    vectors: u16,
}

/// A device.
pub struct Pci {
    /// Its function.
    pub function: Function,
    bars: [Range<u64>; 6],
    common: u64,
    notify: Structure,
    /// `queue_notify_off` of each queue, from when it was started.
    notify_offsets: [Cell<u16>; interrupts::COUNT as usize],
    status: u64,
    device: u64,
    /// Where its MSI-X capability is, its table, and how many vectors it has.
    msix: Option<Msix>,
    interrupts: bool,
}

impl Pci {
    /// Finds the first console device on bus 0, and has it decode its memory and,
    /// where there shall be `interrupts`, send them.
    pub fn find(interrupts: bool) -> Option<Self> {
        let function = (0..32)
            .map(|device| Function(device << 3))
            .find(|function| CONSOLES.contains(&function.read(0)))?;
        function.write16(COMMAND, 0);
        let mut next = UNPLACED;
        let mut is_upper_half = false;
        let bars = array::from_fn(|index| {
            if is_upper_half {
                is_upper_half = false;
                return 0..0;
            }
            is_upper_half = function.read(0x10 + 4 * index as u32) & 7 == 4;
            function.bar(index as u32, &mut next)
        });
        let mut found = Self {
            function,
            bars,
            common: 0,
            notify: Structure::default(),
            notify_offsets: [const { Cell::new(0) }; interrupts::COUNT as usize],
            status: 0,
            device: 0,
            msix: None,
            interrupts,
        };
        found.read_capabilities();
        found.restore();
        (found.common != 0 && found.notify.base != 0).then_some(found)
    }

    /// How many vectors are in use; 0 where there are no interrupts.
    pub fn vectors(&self) -> u16 {
        let vectors = self.msix.map_or(0, |msix| msix.vectors);
        if self.interrupts {
            vectors.min(interrupts::COUNT)
        } else {
            0
        }
    }

    /// Has the device answer to no memory access.
    pub fn stop_decoding(&self) {
        self.function.write16(COMMAND, BUS_MASTER);
    }

    /// Places the BARs and the vectors where they were found, or set, at first: a
    /// vector for each queue, as far as vectors go.
    pub fn restore(&self) {
        self.stop_decoding();
        for (index, bar) in self.bars.iter().enumerate() {
            let register = 0x10 + 4 * index as u32;
            if !bar.is_empty() {
                self.function.write(register, bar.start as u32);
                if self.function.read(register) & 6 == 4 {
                    self.function.write(register + 4, (bar.start >> 32) as u32);
                }
            }
        }
        self.function.write16(COMMAND, ENABLED);
        let Some(msix) = self.msix else {
            return;
        };
        for index in 0..self.vectors() {
            let entry = msix.table + 16 * u64::from(index);
            let message = interrupts::message(index);
            cpu::store32(entry, message.address);
            cpu::store32(entry + 4, 0);
            cpu::store32(entry + 8, message.data);
            cpu::store32(entry + 12, 0);
        }
        let enabled = if self.interrupts { MSIX_ENABLED } else { 0 };
        self.write_msix_control(enabled);
    }

    fn read_capabilities(&mut self) {
        let function = self.function;
        let mut at = function.read(0x34) & 0xfc;
        // A list is no longer than the space that it is in.
        for _ in 0..48 {
            if at == 0 {
                break;
            }
            let head = function.read(at);
            match head as u8 {
                CAPABILITY_VENDOR => self.note_structure(at, (head >> 24) as u8),
                CAPABILITY_MSIX => {
                    let table = function.read(at + 4);
                    let bar = self.bars.get((table & 7) as usize);
                    self.msix = Some(Msix {
                        capability: at,
                        table: bar.map_or(0, |bar| bar.start) + u64::from(table & !7),
                        vectors: (head >> 16 & 0x7ff) as u16 + 1,
                    });
                }
                _ => {}
            }
            at = head >> 8 & 0xfc;
        }
    }

    /// Notes a structure, the first of each kind.
    fn note_structure(&mut self, at: u32, kind: u8) {
        let bar = (self.function.read(at + 4) & 0xff) as usize;
        let base = self.bars.get(bar).map_or(0, |bar| bar.start);
        let base = base + u64::from(self.function.read(at + 8));
        match kind {
            1 if self.common == 0 => self.common = base,
            2 if self.notify.base == 0 => {
                let multiplier = self.function.read(at + 16).into();
                self.notify = Structure { base, multiplier };
            }
            3 if self.status == 0 => self.status = base,
            4 if self.device == 0 => self.device = base,
            _ => {}
        }
    }

    /// The entry of the vector table of this number.
    pub fn vector_entry(&self, index: u16) -> Option<u64> {
        let msix = self.msix.filter(|msix| index < msix.vectors)?;
        Some(msix.table + 16 * u64::from(index))
    }

    /// Writes the MSI-X capability's control word, if there is one.
    pub fn write_msix_control(&self, value: u16) {
        if let Some(msix) = self.msix {
            self.function.write16(msix.capability + 2, value);
        }
    }

    /// Where the common structure is.
    pub fn common(&self) -> u64 {
        self.common
    }

    fn vector(&self, of: u16) -> u16 {
        match self.vectors().checked_sub(1) {
            Some(last) => of.min(last),
            None => NONE,
        }
    }
}

impl Transport for Pci {
    fn status(&self) -> u8 {
        cpu::load8(self.common + 20)
    }

    fn set_status(&self, status: u8) {
        cpu::store8(self.common + 20, status);
    }

    fn features(&self, word: u32) -> u32 {
        cpu::store32(self.common, word);
        cpu::load32(self.common + 4)
    }

    fn choose_features(&self, word: u32, bits: u32) {
        cpu::store32(self.common + 8, word);
        cpu::store32(self.common + 12, bits);
    }

    fn queue_limit(&self, queue: u16) -> u16 {
        if queue >= cpu::load16(self.common + 18) {
            return 0;
        }
        cpu::store16(self.common + 22, queue);
        cpu::load16(self.common + 24)
    }

    fn start_queue(&self, queue: u16, rings: Rings) {
        cpu::store16(self.common + 16, self.vector(0));
        cpu::store16(self.common + 22, queue);
        cpu::store16(self.common + 24, rings.size);
        cpu::store16(self.common + 26, self.vector(queue.saturating_add(1)));
        for (offset, address) in [
            (32, rings.descriptors),
            (40, rings.available),
            (48, rings.used),
        ] {
            cpu::store32(self.common + offset, address as u32);
            cpu::store32(self.common + offset + 4, (address >> 32) as u32);
        }
        if let Some(offset) = self.notify_offsets.get(usize::from(queue)) {
            offset.set(cpu::load16(self.common + 30));
        }
        cpu::store16(self.common + 28, 1);
    }

    fn notify(&self, queue: u16) {
        let offset = self.notify_offsets.get(usize::from(queue));
        let offset = offset.map_or(0, |offset| u64::from(offset.get()));
        cpu::store16(self.notify.base + self.notify.multiplier * offset, queue);
    }

    fn config(&self, offset: u64) -> u32 {
        cpu::load32(self.device + offset)
    }

    fn acknowledge(&self) {
        if self.vectors() == 0 {
            cpu::load8(self.status);
        }
    }

    fn windows(&self) -> [Range<u64>; 6] {
        self.bars.clone()
    }
}
