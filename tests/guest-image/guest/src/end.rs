//! How the guest ends: `end=HOW` on its command line.
//!
//! | how | what it does |
//! | --- | --- |
//! | `poweroff` | ACPI's S5, the default |
//! | `reboot` | ACPI's reset register, then 0xcf9, then the keyboard controller |
//! | `reset-port` | 0xcf9 alone |
//! | `keyboard` | the keyboard controller's reset alone |
//! | `button` | waits for the power button, and powers off |
//! | `halt` | rests with interrupts off |
//! | `spin` | computes for ever |
//! | `triple-fault` | a fault without a handler |

use core::hint;

use crate::acpi::Acpi;
use crate::boot::Boot;
use crate::cpu;
use crate::serial::Word::{Bytes, Text};
use crate::serial::say;

/// A port that does nothing; and how often reading it gives a host time enough to
/// end a machine: each time takes it a microsecond or more.
const NOBODY: u16 = 0x80;
const PATIENCE_READS: u32 = 10_000;

/// Ends as the command line says.
pub fn end(boot: &Boot, acpi: Option<&Acpi>) -> ! {
    let how = boot.value("end").unwrap_or(b"poweroff");
    say(&[Text("ends: "), Bytes(how)]);
    match how {
        b"poweroff" => power_off(acpi),
        b"reboot" => {
            if let Some(acpi) = acpi {
                acpi.reset();
            }
            reset_port();
            keyboard();
            unheard()
        }
        b"reset-port" => {
            reset_port();
            unheard()
        }
        b"keyboard" => {
            keyboard();
            unheard()
        }
        b"button" => {
            while !acpi.is_some_and(Acpi::button_pressed) {
                hint::spin_loop();
            }
            say(&[Text("the power button was pressed")]);
            power_off(acpi)
        }
        b"halt" => cpu::halt(),
        b"spin" => loop {
            hint::spin_loop();
        },
        b"triple-fault" => cpu::triple_fault(),
        _ => {
            say(&[Text("FAILED: there is no such end")]);
            power_off(acpi)
        }
    }
}

/// Powers the machine off.
pub fn power_off(acpi: Option<&Acpi>) -> ! {
    match acpi {
        Some(acpi) => acpi.power_off(),
        None => say(&[Text("there is no ACPI")]),
    }
    unheard()
}

fn reset_port() {
    cpu::out8(0xcf9, 0x02);
    cpu::out8(0xcf9, 0x06);
}

fn keyboard() {
    cpu::out8(0x64, 0xfe);
}

/// What the guest did to end did not end it, or does so a little later, as in
/// QEMU.
fn unheard() -> ! {
    for _ in 0..PATIENCE_READS {
        cpu::in8(NOBODY);
    }
    say(&[Text("FAILED: the machine goes on")]);
    cpu::triple_fault()
}
