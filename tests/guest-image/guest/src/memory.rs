//! The memory that devices share with this guest, and what the compiler calls to
//! copy memory.

use core::arch::asm;
use core::cell::Cell;

unsafe extern "C" {
    /// Where the program ends.
    static pool_start: u8;
}

/// Memory beyond the program, handed out and never taken back: a clone hands the
/// same memory out again.
#[derive(Clone)]
pub struct Pool {
    next: Cell<u64>,
}

impl Pool {
    /// All of it.
    pub fn new() -> Self {
        Self {
            next: Cell::new((&raw const pool_start).addr() as u64),
        }
    }

    /// Takes zeroed memory at an address that is a multiple of 4,096.
    pub fn take(&self, bytes: u64) -> u64 {
        let address = self.take_dirty(bytes);
        bytes_mut(address, bytes as usize).fill(0);
        address
    }

    /// The same, with whatever is in it.
    pub fn take_dirty(&self, bytes: u64) -> u64 {
        let address = self.next.get().next_multiple_of(4096);
        self.next.set(address + bytes);
        address
    }
}

/// The bytes at an address that a device was given, to look at.
pub fn bytes<'a>(address: u64, length: usize) -> &'a [u8] {
    // SAFETY: the memory is mapped, and nobody writes to it while it is looked at:
    // the device has given it back.
    unsafe { core::slice::from_raw_parts(address as *const u8, length) }
}

/// The bytes at an address of the pool that no device has, to be filled.
pub fn bytes_mut<'a>(address: u64, length: usize) -> &'a mut [u8] {
    // SAFETY: the memory is mapped, and nobody else has it.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u8, length) }
}

/// # Safety
///
/// As of C's `memcpy`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("rep movsq", "mov rcx, {rest}", "rep movsb", rest = in(reg) length % 8,
            inout("rdi") to => _, inout("rsi") from => _, inout("rcx") length / 8 => _,
            options(nostack));
    }
    to
}

/// # Safety
///
/// As of C's `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= length {
        // SAFETY: the caller's promise; `to` is not within what is yet to be read.
        return unsafe { memcpy(to, from, length) };
    }
    // SAFETY: the caller's promise; from the end, since the end of `from` is
    // overwritten first.
    unsafe {
        asm!("std", "rep movsb", "cld", inout("rdi") to.add(length).sub(1) => _,
            inout("rsi") from.add(length).sub(1) => _, inout("rcx") length => _, options(nostack));
    }
    to
}

/// # Safety
///
/// As of C's `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("rep stosq", "mov rcx, {rest}", "rep stosb", rest = in(reg) length % 8,
            in("rax") u64::from(value as u8) * 0x0101_0101_0101_0101,
            inout("rdi") to => _, inout("rcx") length / 8 => _, options(nostack));
    }
    to
}

/// # Safety
///
/// As of C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    let (left_end, right_end): (*const u8, *const u8);
    let differs: u8;
    // SAFETY: the caller's promise. The flags are as of equal bytes where there
    // are none.
    unsafe {
        asm!("cmp al, al", "repe cmpsb", "setne al", inout("rsi") left => left_end,
            inout("rdi") right => right_end, inout("rcx") length => _, out("al") differs,
            options(nostack));
        if differs == 0 {
            return 0;
        }
        i32::from(*left_end.sub(1)) - i32::from(*right_end.sub(1))
    }
}

/// Whether two ranges of memory have the same bytes: an eighth of `memcmp`'s steps.
pub fn same(left: u64, right: u64, length: u64) -> bool {
    let differs: u8;
    // SAFETY: the memory is mapped, and only read.
    unsafe {
        asm!("cmp al, al", "repe cmpsq", "jne 2f", "mov rcx, {rest}", "cmp al, al", "repe cmpsb",
            "2:", "setne al", rest = in(reg) length % 8, inout("rsi") left => _,
            inout("rdi") right => _, inout("rcx") length / 8 => _, out("al") differs,
            options(nostack));
    }
    differs == 0
}

/// Copies bytes from anywhere to memory of the pool that no device has.
pub fn copy(from: u64, to: u64, length: u64) {
    // SAFETY: both are mapped, and nothing of this program is at `to`.
    unsafe {
        memcpy(to as *mut u8, from as *const u8, length as usize);
    }
}

/// Fills memory with what its first `period` bytes are, again and again: by
/// copying it onto itself, forward, so that what is read has been written. The
/// period is a word or more.
pub fn repeat(address: u64, period: u64, length: u64) {
    copy(address, address + period, length - period);
}
