//! What the guest says: lines on the first serial port.
//!
//! Not by `core::fmt`, which takes thousands of instructions a line: where KVM
//! emulates each, that is milliseconds.

use crate::cpu;

/// Its transmit register.
const DATA: u16 = 0x3f8;

/// A part of a line.
#[derive(Clone, Copy)]
pub enum Word<'a> {
    /// Words.
    Text(&'a str),
    /// Bytes that someone else calls words.
    Bytes(&'a [u8]),
    /// A number, in decimal.
    Number(u64),
    /// A number, in hexadecimal.
    Hex(u64),
}

/// Says a line.
pub fn say(words: &[Word]) {
    put(b"guest: ");
    for word in words {
        match *word {
            Word::Text(text) => put(text.as_bytes()),
            Word::Bytes(bytes) => put(bytes),
            Word::Number(number) => put_number(number, 10),
            Word::Hex(number) => put_number(number, 16),
        }
    }
    put(b"\n");
}

fn put(bytes: &[u8]) {
    for byte in bytes {
        cpu::out8(DATA, *byte);
    }
}

fn put_number(mut number: u64, base: u64) {
    let mut digits = [0_u8; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b"0123456789abcdef"[(number % base) as usize];
        number /= base;
        if number == 0 {
            break;
        }
    }
    put(&digits[begin..]);
}
