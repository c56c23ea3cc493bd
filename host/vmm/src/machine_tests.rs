//! Machines on this host's KVM, with guests of a few instructions.

use super::*;
use crate::spec::CpuCount;
use crate::tiny_guest::{HALT, SPIN, elf, power_off, say, start, write_byte};

#[test]
fn a_guest_in_64_bit_mode_writes_to_the_serial_port_and_powers_off() {
    let code = [say("hello\n"), power_off(), HALT.to_vec()].concat();
    let machine = start(&elf(&code, false), |_| {});
    machine.wait_for("hello\n");
    assert_eq!(machine.ended(), Ended::PoweredOff);
}

#[test]
fn a_guest_in_32_bit_mode_begins_as_pvh_has_it() {
    // `mov al, [ebx]`: the first byte of the start information's magic.
    let code = [
        vec![0x8a, 0x03],
        crate::tiny_guest::out(0x3f8),
        power_off(),
        HALT.to_vec(),
    ]
    .concat();
    let machine = start(&elf(&code, true), |_| {});
    machine.wait_for("x");
    assert_eq!(machine.ended(), Ended::PoweredOff);
}

#[test]
fn a_guest_resets_its_machine_by_each_of_the_two_ports() {
    for (port, byte) in [(0xcf9, 0x06), (0x64, 0xfe)] {
        let code = [write_byte(port, byte), HALT.to_vec()].concat();
        let machine = start(&elf(&code, false), |_| {});
        assert_eq!(machine.ended(), Ended::Reset, "port {port:#x}");
    }
}

#[test]
fn a_guest_that_spins_is_stopped() {
    let code = [say("."), SPIN.to_vec()].concat();
    let machine = start(&elf(&code, false), |_| {});
    machine.wait_for(".");
    machine.handle.stop();
    assert_eq!(machine.ended(), Ended::Stopped);
}

#[test]
fn a_guest_that_halts_with_interrupts_off_is_stopped() {
    let code = [say("."), HALT.to_vec()].concat();
    let machine = start(&elf(&code, false), |_| {});
    machine.wait_for(".");
    machine.handle.stop();
    assert_eq!(machine.ended(), Ended::Stopped);
}

#[test]
fn a_machine_whose_other_processors_never_woke_is_stopped() {
    let code = [say("."), SPIN.to_vec()].concat();
    let machine = start(&elf(&code, false), |spec| {
        spec.cpus = CpuCount::new(4).unwrap();
    });
    machine.wait_for(".");
    machine.handle.stop();
    assert_eq!(machine.ended(), Ended::Stopped);
}

#[test]
fn a_triple_fault_says_which_processor() {
    // `lidt` of a table without entries, then an undefined instruction.
    let code = [
        say("."),
        vec![0x0f, 0x01, 0x1c, 0x25, 0, 0, 0x10, 0],
        vec![0x0f, 0x0b],
    ]
    .concat();
    let machine = start(&elf(&code, false), |_| {});
    machine.wait_for(".");
    assert_eq!(machine.ended(), Ended::TripleFault { cpu: 0 });
}
