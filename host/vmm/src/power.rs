//! How a guest switches its machine off or resets it, and how it learns that its
//! power button was pressed: ACPI's fixed registers (ACPI 6.5, 4.8.3), the reset
//! control register and the keyboard controller. Pure: registers in, ends out.

/// What a guest asked for by writing a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PowerRequest {
    /// Soft off, ACPI's S5.
    Off,
    /// A reset.
    Reset,
}

/// The sleep type that means soft off. The DSDT tells the guest.
pub(crate) const SOFT_OFF: u8 = 5;

/// What resets the machine at the reset control register: the bit that says so,
/// and the one that says how hard. FADT tells the guest.
pub(crate) const RESET_VALUE: u8 = 0x06;

/// The bit of it that makes the reset happen.
const RESET_NOW: u8 = 0x04;

/// The keyboard controller's command that pulses the reset line.
const KEYBOARD_RESET: u8 = 0xfe;

/// Power button: pressed, in the status register; to be told, in the enable
/// register.
const POWER_BUTTON: u16 = 1 << 8;

/// Events go to ACPI, not to firmware: always, since there is none.
const SCI_ENABLED: u16 = 1;

/// Go to sleep as the sleep type says, in the control register.
const SLEEP: u16 = 1 << 13;

/// Where the sleep type stands in the control register: three bits.
const SLEEP_TYPE_SHIFT: u16 = 10;

/// ACPI's fixed registers: status, enable and control, 16 bits each.
#[derive(Debug, Default)]
pub(crate) struct PowerRegisters {
    status: u16,
    enable: u16,
    control: u16,
}

impl PowerRegisters {
    /// The power button was pressed.
    pub(crate) fn press_button(&mut self) {
        self.status |= POWER_BUTTON;
    }

    /// Whether the guest is to be interrupted: until it has cleared what it has
    /// seen, or does not want to know.
    pub(crate) fn interrupts(&self) -> bool {
        self.status & self.enable & POWER_BUTTON != 0
    }

    /// Reads from `offset` on, byte by byte.
    pub(crate) fn read(&self, offset: u16, into: &mut [u8]) {
        let registers = [self.status, self.enable, self.control | SCI_ENABLED];
        let mut bytes = registers
            .iter()
            .flat_map(|register| register.to_le_bytes())
            .skip(usize::from(offset));
        for byte in into {
            *byte = bytes.next().unwrap_or(0);
        }
    }

    /// Writes from `offset` on, byte by byte.
    pub(crate) fn write(&mut self, offset: u16, bytes: &[u8]) -> Option<PowerRequest> {
        let mut request = None;
        for (at, byte) in (offset..).zip(bytes) {
            request = self.write_byte(at, *byte).or(request);
        }
        request
    }

    fn write_byte(&mut self, offset: u16, byte: u8) -> Option<PowerRequest> {
        let high = offset & 1 == 1;
        match offset {
            // A one clears what happened.
            0 | 1 => self.status &= !with_byte(0, byte, high),
            2 | 3 => self.enable = with_byte(self.enable, byte, high),
            4 | 5 => {
                self.control = with_byte(self.control, byte, high);
                let sleeps = self.control & SLEEP != 0;
                // The bit reads as zero, always.
                self.control &= !SLEEP;
                let kind = self.control >> SLEEP_TYPE_SHIFT & 7;
                return (sleeps && kind == u16::from(SOFT_OFF)).then_some(PowerRequest::Off);
            }
            _ => {}
        }
        None
    }
}

/// `register` with one of its bytes replaced.
fn with_byte(register: u16, byte: u8, high: bool) -> u16 {
    let [low_byte, high_byte] = register.to_le_bytes();
    u16::from_le_bytes(if high {
        [low_byte, byte]
    } else {
        [byte, high_byte]
    })
}

/// What a byte at the reset control register asks for.
pub(crate) fn reset_control(byte: u8) -> Option<PowerRequest> {
    (byte & RESET_NOW != 0).then_some(PowerRequest::Reset)
}

/// What a byte at the keyboard controller's command port asks for.
pub(crate) fn keyboard_command(byte: u8) -> Option<PowerRequest> {
    (byte == KEYBOARD_RESET).then_some(PowerRequest::Reset)
}

#[cfg(test)]
#[path = "power_tests.rs"]
mod tests;
