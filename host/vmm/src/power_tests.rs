use proptest::prelude::*;

use super::*;

fn read_word(power: &PowerRegisters, offset: u16) -> u16 {
    let mut bytes = [0; 2];
    power.read(offset, &mut bytes);
    u16::from_le_bytes(bytes)
}

#[test]
fn a_guest_switches_off_by_the_sleep_type_and_the_sleep_bit() {
    let off = (u16::from(SOFT_OFF) << SLEEP_TYPE_SHIFT | SLEEP).to_le_bytes();
    assert_eq!(
        PowerRegisters::default().write(4, &off),
        Some(PowerRequest::Off)
    );

    // Byte by byte, as some guests write it.
    let mut power = PowerRegisters::default();
    assert_eq!(power.write(4, &off[..1]), None);
    assert_eq!(power.write(5, &off[1..]), Some(PowerRequest::Off));
}

#[test]
fn another_sleep_type_and_a_type_alone_do_nothing() {
    for kind in (0_u16..8).filter(|kind| *kind != u16::from(SOFT_OFF)) {
        let sleep = (kind << SLEEP_TYPE_SHIFT | SLEEP).to_le_bytes();
        assert_eq!(
            PowerRegisters::default().write(4, &sleep),
            None,
            "type {kind}"
        );
    }
    let kind_alone = (u16::from(SOFT_OFF) << SLEEP_TYPE_SHIFT).to_le_bytes();
    assert_eq!(PowerRegisters::default().write(4, &kind_alone), None);
}

#[test]
fn the_button_interrupts_once_it_is_enabled_until_it_is_cleared() {
    let mut power = PowerRegisters::default();
    power.press_button();
    assert!(!power.interrupts());
    power.write(2, &POWER_BUTTON.to_le_bytes());
    assert!(power.interrupts());
    assert_eq!(read_word(&power, 0), POWER_BUTTON);
    power.write(0, &(!POWER_BUTTON).to_le_bytes());
    assert!(power.interrupts(), "another event was cleared");
    power.write(0, &POWER_BUTTON.to_le_bytes());
    assert!(!power.interrupts());
    assert_eq!(read_word(&power, 0), 0);
}

#[test]
fn the_control_register_says_that_acpi_is_on_and_never_that_it_sleeps() {
    let mut power = PowerRegisters::default();
    assert_eq!(read_word(&power, 4), SCI_ENABLED);
    power.write(4, &(1 << SLEEP_TYPE_SHIFT | SLEEP).to_le_bytes());
    assert_eq!(read_word(&power, 4), 1 << SLEEP_TYPE_SHIFT | SCI_ENABLED);
}

#[test]
fn a_reset_takes_its_own_bit_and_its_own_command() {
    for (byte, resets) in [
        (0x06, true),
        (0x0e, true),
        (0x04, true),
        (0x02, false),
        (0, false),
    ] {
        assert_eq!(reset_control(byte).is_some(), resets, "{byte:#x}");
    }
    for (byte, resets) in [(0xfe, true), (0xff, false), (0xd1, false)] {
        assert_eq!(keyboard_command(byte).is_some(), resets, "{byte:#x}");
    }
}

proptest! {
    #[test]
    fn any_access_of_any_size_is_answered(
        accesses in prop::collection::vec((0_u16..8, prop::collection::vec(any::<u8>(), 0..9)), 0..20)
    ) {
        let mut power = PowerRegisters::default();
        for (offset, bytes) in accesses {
            power.write(offset, &bytes);
            let mut into = vec![0; bytes.len()];
            power.read(offset, &mut into);
            prop_assert_eq!(read_word(&power, 4) & SCI_ENABLED, SCI_ENABLED);
            prop_assert_eq!(read_word(&power, 4) & SLEEP, 0);
        }
    }
}
