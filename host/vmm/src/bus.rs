//! Which device a guest's read or write goes to. Nothing is anywhere else: such a
//! read has all ones, as on a PC's bus, and such a write is lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::devices::Devices;
use crate::layout::{KEYBOARD_COMMAND_PORT, POWER_PORTS, RESET_PORT, SCI_IRQ, SERIAL_PORTS};
use crate::pci::CONFIG_PORTS;
use crate::power::{self, PowerRegisters, PowerRequest};
use crate::serial::{SerialOutput, SerialPort};
use crate::virtio::VirtioDevice;
use crate::wiring::{EventWiring, Gsi};

/// All that a guest reaches by leaving itself. Each device has a lock of its own:
/// a processor that waits for one keeps no other from the rest.
pub(crate) struct Bus {
    wiring: Arc<dyn EventWiring>,
    serial: Mutex<SerialPort>,
    power: Mutex<PowerRegisters>,
    devices: Mutex<Devices>,
}

impl Bus {
    pub(crate) fn new(wiring: Arc<dyn EventWiring>, serial: SerialPort, devices: Devices) -> Self {
        Self {
            wiring,
            serial: Mutex::new(serial),
            power: Mutex::default(),
            devices: Mutex::new(devices),
        }
    }

    /// Reads ports.
    pub(crate) fn read_port(&self, port: u16, into: &mut [u8]) {
        if let Some(register) = offset(port, &SERIAL_PORTS) {
            lock(&self.serial).read(register, into);
        } else if let Some(offset) = offset(port, &POWER_PORTS) {
            lock(&self.power).read(offset.into(), into);
        } else if let Some(offset) = offset(port, &CONFIG_PORTS) {
            lock(&self.devices).read_ports(offset, into);
        } else {
            into.fill(0xff);
        }
    }

    /// Writes ports. Answers what the guest asks its machine for.
    pub(crate) fn write_port(&self, port: u16, bytes: &[u8]) -> Option<PowerRequest> {
        if let Some(register) = offset(port, &SERIAL_PORTS) {
            lock(&self.serial).write(register, bytes);
            None
        } else if let Some(offset) = offset(port, &POWER_PORTS) {
            let mut power = lock(&self.power);
            let request = power.write(offset.into(), bytes);
            self.tell_power(&power);
            request
        } else if let (RESET_PORT, [byte]) = (port, bytes) {
            // By a byte it is the chipset's, and otherwise PCI's.
            power::reset_control(*byte)
        } else if let Some(offset) = offset(port, &CONFIG_PORTS) {
            lock(&self.devices).write_ports(offset, bytes);
            None
        } else if port == KEYBOARD_COMMAND_PORT {
            bytes.iter().find_map(|byte| power::keyboard_command(*byte))
        } else {
            None
        }
    }

    /// Reads memory where there is no RAM.
    pub(crate) fn read_memory(&self, address: u64, into: &mut [u8]) {
        lock(&self.devices).read_memory(address, into);
    }

    /// Writes memory where there is no RAM.
    pub(crate) fn write_memory(&self, address: u64, bytes: &[u8]) {
        lock(&self.devices).write_memory(address, bytes);
    }

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

    /// Takes back what the guest had: it has ended.
    pub(crate) fn take_back(&self) -> (Vec<Box<dyn VirtioDevice>>, SerialOutput) {
        let devices = lock(&self.devices).take_back();
        (devices, lock(&self.serial).take_output())
    }

    /// Sets ACPI's interrupt as its registers say.
    fn tell_power(&self, power: &PowerRegisters) {
        // The line is there, as long as the machine is.
        let _cannot_fail = self.wiring.set_line(Gsi(SCI_IRQ), power.interrupts());
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
