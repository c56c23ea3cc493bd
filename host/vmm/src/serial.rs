//! The serial port: a 16550 whose output goes to a writer, and whose input
//! waits in a bounded queue until the guest has read what came before.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;

use vm_superio::serial::NoEvents;
use vm_superio::{Serial, Trigger};
use vmm_sys_util::eventfd::EventFd;

/// Where a guest's words go. Called on the thread of the vCPU that writes, which
/// waits for it: a writer that blocks stops that processor, and whoever stops the
/// machine waits for the writer. What fails is lost, and is the writer's to tell.
pub type SerialOutput = Box<dyn Write + Send>;

/// Bytes that wait for the guest to read them: a terminal's own bound on what is
/// typed ahead.
pub const INPUT_BYTES: usize = 4096;

/// Raises the port's interrupt.
struct InterruptLine(EventFd);

impl Trigger for InterruptLine {
    type E = io::Error;

    fn trigger(&self) -> io::Result<()> {
        self.0.write(1)
    }
}

/// COM1.
pub(crate) struct SerialPort {
    uart: Serial<InterruptLine, NoEvents, SerialOutput>,
    waiting: VecDeque<u8>,
}

impl SerialPort {
    /// A port that raises its interrupt by `interrupt`.
    pub(crate) fn new(output: SerialOutput, interrupt: EventFd) -> Self {
        Self {
            uart: Serial::new(InterruptLine(interrupt), output),
            waiting: VecDeque::new(),
        }
    }

    /// Takes what was typed, as far as there is room. Answers how many bytes.
    pub(crate) fn type_in(&mut self, bytes: &[u8]) -> usize {
        let room = INPUT_BYTES.saturating_sub(self.waiting.len());
        let taken = bytes.len().min(room);
        self.waiting.extend(bytes.iter().take(taken));
        self.feed();
        taken
    }

    /// Reads a register. A string instruction's repetitions come at once, and
    /// each byte is a read of its own.
    pub(crate) fn read(&mut self, register: u8, into: &mut [u8]) {
        for byte in into {
            *byte = self.uart.read(register);
            self.feed();
        }
    }

    /// Writes a register, each byte by itself as in [`read`](Self::read).
    pub(crate) fn write(&mut self, register: u8, bytes: &[u8]) {
        for byte in bytes {
            // Nothing that this guest could do about it (see `SerialOutput`).
            let _lost = self.uart.write(register, *byte);
            self.feed();
        }
    }

    /// Gives the output back, and writes nothing from now on.
    pub(crate) fn take_output(&mut self) -> SerialOutput {
        mem::replace(self.uart.writer_mut(), Box::new(io::sink()))
    }

    /// Moves what waits into the port's own queue, as far as it takes it. In
    /// loop-back mode it takes nothing.
    fn feed(&mut self) {
        let room = self.uart.fifo_capacity();
        if room == 0 || self.waiting.is_empty() {
            return;
        }
        let next: Vec<u8> = self.waiting.iter().take(room).copied().collect();
        if let Ok(taken) = self.uart.enqueue_raw_bytes(&next) {
            self.waiting.drain(..taken.min(next.len()));
        }
    }
}

#[cfg(test)]
#[path = "serial_tests.rs"]
mod tests;
