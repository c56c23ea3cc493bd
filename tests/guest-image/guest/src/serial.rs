//! What the guest says: lines on the first serial port.

use core::fmt::{self, Write};

use crate::cpu;

/// Its transmit register.
const DATA: u16 = 0x3f8;

struct Serial;

impl Write for Serial {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        for byte in words.bytes() {
            cpu::out8(DATA, byte);
        }
        Ok(())
    }
}

/// Says a line.
pub fn say(words: fmt::Arguments) {
    // The port takes everything.
    let _ = writeln!(Serial, "guest: {words}");
}
