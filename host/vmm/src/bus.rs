//! Which device a guest's read or write goes to. Nothing is anywhere else: such a
//! read has all ones, as on a PC's bus, and such a write is lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kvm_ioctls::VmFd;

use crate::layout::{KEYBOARD_PORTS, POWER_PORTS, RESET_PORT, SCI_IRQ, SERIAL_PORTS};
use crate::machine::Parts;
use crate::power::{self, PowerRegisters, PowerRequest};
use crate::serial::SerialPort;

/// All that a guest reaches by leaving itself. Each device has a lock of its own:
/// a processor that waits for one keeps no other from the rest.
pub(crate) struct Bus {
    vm: Arc<VmFd>,
    serial: Mutex<SerialPort>,
    power: Mutex<PowerRegisters>,
}

impl Bus {
    pub(crate) fn new(vm: Arc<VmFd>, serial: SerialPort) -> Self {
        Self {
            vm,
            serial: Mutex::new(serial),
            power: Mutex::default(),
        }
    }

    /// Reads ports.
    pub(crate) fn read_port(&self, port: u16, into: &mut [u8]) {
        if let Some(register) = offset(port, &SERIAL_PORTS) {
            lock(&self.serial).read(register, into);
        } else if let Some(offset) = offset(port, &POWER_PORTS) {
            lock(&self.power).read(offset.into(), into);
        } else {
            into.fill(0xff);
        }
    }

    /// Writes ports. Answers what the guest asks its machine for.
    pub(crate) fn write_port(&self, port: u16, bytes: &[u8]) -> Option<PowerRequest> {
        let [_, keyboard_command] = KEYBOARD_PORTS;
        if let Some(register) = offset(port, &SERIAL_PORTS) {
            lock(&self.serial).write(register, bytes);
            None
        } else if let Some(offset) = offset(port, &POWER_PORTS) {
            let mut power = lock(&self.power);
            let request = power.write(offset.into(), bytes);
            self.tell_power(&power);
            request
        } else if port == RESET_PORT {
            bytes.iter().find_map(|byte| power::reset_control(*byte))
        } else if port == keyboard_command {
            bytes.iter().find_map(|byte| power::keyboard_command(*byte))
        } else {
            None
        }
    }

    /// Reads memory where there is none.
    pub(crate) fn read_memory(&self, _address: u64, into: &mut [u8]) {
        into.fill(0xff);
    }

    /// Writes memory where there is none.
    pub(crate) fn write_memory(&self, _address: u64, _bytes: &[u8]) {}

    /// Presses the power button.
    pub(crate) fn press_power_button(&self) {
        let mut power = lock(&self.power);
        power.press_button();
        self.tell_power(&power);
    }

    /// Types into the serial port. Answers how many bytes it took.
    pub(crate) fn type_in(&self, bytes: &[u8]) -> usize {
        lock(&self.serial).type_in(bytes)
    }

    /// Takes everything back from the guest: it has ended.
    pub(crate) fn take_parts(&self) -> Parts {
        Parts {
            devices: Vec::new(),
            serial: lock(&self.serial).take_output(),
        }
    }

    /// Sets ACPI's interrupt as its registers say.
    fn tell_power(&self, power: &PowerRegisters) {
        // The line is there, as long as the machine is.
        let _cannot_fail = self.vm.set_irq_line(SCI_IRQ, power.interrupts());
    }
}

/// A poisoned lock means that a processor's thread panicked, and the machine is
/// about to end: its devices are still to be given back.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How far a port is in a range of a few.
fn offset(port: u16, range: &std::ops::Range<u16>) -> Option<u8> {
    range
        .contains(&port)
        .then(|| u8::try_from(port.saturating_sub(range.start)).ok())
        .flatten()
}
