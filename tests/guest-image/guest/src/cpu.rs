//! The processor's instructions. All that is unsafe in this guest is here and in
//! [`crate::memory`].
//!
//! The functions are safe to call since the whole machine is this guest's: the
//! worst that they do to it is what some tests are for.
//!
//! Every access is one instruction of the plainest form: what a host emulates for
//! a device's registers it must decode first.

use core::arch::asm;

/// Writes a byte to a port.
pub fn out8(port: u16, value: u8) {
    // SAFETY: no memory of this program is behind a port.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nostack)) }
}

/// Writes two bytes to a port.
pub fn out16(port: u16, value: u16) {
    // SAFETY: as in `out8`.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack)) }
}

/// Writes four bytes to a port.
pub fn out32(port: u16, value: u32) {
    // SAFETY: as in `out8`.
    unsafe { asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack)) }
}

/// Reads a byte from a port.
pub fn in8(port: u16) -> u8 {
    let value;
    // SAFETY: as in `out8`.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nostack)) }
    value
}

/// Reads two bytes from a port.
pub fn in16(port: u16) -> u16 {
    let value;
    // SAFETY: as in `out8`.
    unsafe { asm!("in ax, dx", in("dx") port, out("ax") value, options(nostack)) }
    value
}

/// Reads four bytes from a port.
pub fn in32(port: u16) -> u32 {
    let value;
    // SAFETY: as in `out8`.
    unsafe { asm!("in eax, dx", in("dx") port, out("eax") value, options(nostack)) }
    value
}

/// Reads a byte of memory or of a device.
pub fn load8(address: u64) -> u8 {
    let value;
    // SAFETY: all memory is mapped, and reading it changes nothing of this program.
    unsafe { asm!("mov {}, [{}]", out(reg_byte) value, in(reg) address, options(nostack)) }
    value
}

/// Reads two bytes, at any address.
pub fn load16(address: u64) -> u16 {
    let value;
    // SAFETY: as in `load8`.
    unsafe { asm!("mov {:x}, [{}]", out(reg) value, in(reg) address, options(nostack)) }
    value
}

/// Reads four bytes, at any address.
pub fn load32(address: u64) -> u32 {
    let value;
    // SAFETY: as in `load8`.
    unsafe { asm!("mov {:e}, [{}]", out(reg) value, in(reg) address, options(nostack)) }
    value
}

/// Reads eight bytes, at any address.
pub fn load64(address: u64) -> u64 {
    let value;
    // SAFETY: as in `load8`.
    unsafe { asm!("mov {}, [{}]", out(reg) value, in(reg) address, options(nostack)) }
    value
}

/// Writes a byte of memory or of a device.
pub fn store8(address: u64, value: u8) {
    // SAFETY: callers write to devices and to the pool of `memory`, where nothing
    // of this program lies.
    unsafe { asm!("mov [{}], {}", in(reg) address, in(reg_byte) value, options(nostack)) }
}

/// Writes two bytes, at any address.
pub fn store16(address: u64, value: u16) {
    // SAFETY: as in `store8`.
    unsafe { asm!("mov [{}], {:x}", in(reg) address, in(reg) value, options(nostack)) }
}

/// Writes four bytes, at any address.
pub fn store32(address: u64, value: u32) {
    // SAFETY: as in `store8`.
    unsafe { asm!("mov [{}], {:e}", in(reg) address, in(reg) value, options(nostack)) }
}

/// Writes eight bytes, at any address.
pub fn store64(address: u64, value: u64) {
    // SAFETY: as in `store8`.
    unsafe { asm!("mov [{}], {}", in(reg) address, in(reg) value, options(nostack)) }
}

/// Copies sixteen bytes by one register, then seven by a string instruction: the
/// sizes that no register access has.
pub fn copy_odd(from: u64, to: u64) {
    // SAFETY: as in `store8`.
    unsafe {
        asm!(
            "movups xmm0, [rsi]", "movups [rdi], xmm0", "rep movsb",
            inout("rsi") from => _, inout("rdi") to => _, inout("rcx") 7_u64 => _, out("xmm0") _,
            options(nostack)
        );
    }
}

/// All earlier writes are seen before any later read is made.
pub fn fence() {
    // SAFETY: it touches nothing.
    unsafe { asm!("mfence", options(nostack)) }
}

/// Rests until an interrupt comes, or takes one that waits already.
pub fn wait_for_interrupt() {
    // SAFETY: interrupts come nowhere else; what they run leaves all registers as
    // they were, and uses the stack as this block may (there is no `nostack`).
    unsafe { asm!("sti", "hlt", "cli") }
}

/// Loads the table of interrupts.
pub fn set_interrupt_table(address: u64, bytes: u16) {
    let mut pointer = [0_u8; 10];
    let (limit, base) = pointer.split_at_mut(2);
    limit.copy_from_slice(&(bytes - 1).to_le_bytes());
    base.copy_from_slice(&address.to_le_bytes());
    // SAFETY: the processor reads ten bytes; what is wrong with them shows at the
    // next interrupt.
    unsafe { asm!("lidt [{}]", in(reg) &raw const pointer, options(nostack)) }
}

/// Ends this processor's work as no kernel should: a fault without a handler for
/// it, nor for that one.
pub fn triple_fault() -> ! {
    set_interrupt_table(0, 1);
    // SAFETY: it does not return.
    unsafe { asm!("ud2", options(noreturn)) }
}

/// Rests for ever; nothing wakes it.
pub fn halt() -> ! {
    loop {
        // SAFETY: it touches nothing.
        unsafe { asm!("cli", "hlt", options(nostack)) }
    }
}
