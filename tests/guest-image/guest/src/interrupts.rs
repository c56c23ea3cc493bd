//! Interrupts: each vector counts itself (`start.s`).

use core::sync::atomic::{AtomicU64, Ordering};

use crate::cpu;
use crate::memory::Pool;

/// How many vectors there are, from [`FIRST`] on.
pub const COUNT: u16 = 16;
/// The first of them: beyond the processor's own.
const FIRST: u16 = 64;
/// From one stub to the next.
const STUB_BYTES: u64 = 32;
/// A code segment, and an interrupt gate that is present.
const GATE: u64 = 8 << 16 | 0x8e00 << 32;
/// Where the two 8259s take what they mask.
const OLD_CONTROLLERS: [u16; 2] = [0x21, 0xa1];
const LOCAL_APIC: u64 = 0xfee0_0000;
const IO_APIC: u64 = 0xfec0_0000;

#[unsafe(no_mangle)]
static INTERRUPTS: [AtomicU64; COUNT as usize] = [const { AtomicU64::new(0) }; COUNT as usize];

unsafe extern "C" {
    static vectors: u8;
}

/// What a device writes to send an interrupt.
pub struct Message {
    /// Where.
    pub address: u32,
    /// And what.
    pub data: u32,
}

/// The message that sends a vector to the first processor.
pub fn message(vector: u16) -> Message {
    Message {
        address: LOCAL_APIC as u32,
        data: u32::from(FIRST + vector),
    }
}

/// How often interrupts came.
pub fn count() -> u64 {
    let counts = INTERRUPTS.iter();
    counts.map(|count| count.load(Ordering::Relaxed)).sum()
}

/// How many vectors interrupts came for. One that nobody takes waits in the local
/// APIC's request register.
pub fn vectors_seen() -> u64 {
    let seen = |(vector, count): (u64, &AtomicU64)| {
        let vector = vector + u64::from(FIRST);
        let requests = cpu::load32(LOCAL_APIC + 0x200 + 16 * (vector / 32));
        count.load(Ordering::Relaxed) > 0 || requests >> (vector % 32) & 1 == 1
    };
    (0..).zip(&INTERRUPTS).filter(|pair| seen(*pair)).count() as u64
}

/// Makes ready for interrupts.
pub fn prepare(pool: &Pool) {
    let table = pool.take(16 * 256);
    for vector in 0..u64::from(COUNT) {
        let stub = (&raw const vectors).addr() as u64 + STUB_BYTES * vector;
        let gate = table + 16 * (u64::from(FIRST) + vector);
        cpu::store64(gate, stub & 0xffff | GATE | (stub >> 16 & 0xffff) << 48);
        cpu::store64(gate + 8, stub >> 32);
    }
    cpu::set_interrupt_table(table, 16 * 256);
    // The old controllers say nothing: a firmware may have left a timer on.
    for port in OLD_CONTROLLERS {
        cpu::out8(port, 0xff);
    }
    // The spurious vector's register: it switches the APIC on.
    cpu::store32(LOCAL_APIC + 0xf0, 1 << 8 | 0xff);
}

/// Sends an interrupt line, by its edge, as the vector of all queues.
pub fn route_line(line: u8) {
    let register = 0x10 + 2 * u32::from(line);
    for (register, value) in [(register, u32::from(FIRST)), (register + 1, 0)] {
        cpu::store32(IO_APIC, register);
        cpu::store32(IO_APIC + 0x10, value);
    }
}
