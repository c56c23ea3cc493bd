//! The memory that devices share with this guest, and what the compiler calls to
//! copy memory.

use core::arch::asm;
use core::cell::Cell;

use crate::cpu;

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
        for offset in (0..bytes).step_by(8) {
            cpu::store64(address + offset, 0);
        }
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
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") length => _,
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
        asm!("rep stosb", inout("rdi") to => _, in("al") value as u8, inout("rcx") length => _,
            options(nostack));
    }
    to
}

/// # Safety
///
/// As of C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    for index in 0..length {
        // SAFETY: the caller's promise. Volatile, or the compiler makes a call of
        // this function out of the loop.
        let (left, right) = unsafe {
            (
                left.add(index).read_volatile(),
                right.add(index).read_volatile(),
            )
        };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}
