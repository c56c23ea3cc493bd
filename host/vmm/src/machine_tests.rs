//! Machines on this host's KVM, with guests of a few instructions.

use super::*;
use crate::fake_device::Seen;
use crate::spec::{CpuCount, Transport};
use crate::tiny_guest::{
    HALT, SPIN, elf, out, parts, power_off, say, spec, start, start_with, write_byte, write_word,
};

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
    let code = [vec![0x8a, 0x03], out(0x3f8), power_off(), HALT.to_vec()].concat();
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
fn a_machine_is_stopped_whatever_its_processors_do() {
    // Spinning, halted with interrupts off, and three that nobody ever woke.
    for (waiting, cpus) in [(SPIN.to_vec(), 1), (HALT.to_vec(), 1), (SPIN.to_vec(), 4)] {
        let code = [say("."), waiting].concat();
        let machine = start(&elf(&code, false), |spec| {
            spec.cpus = CpuCount::new(cpus).unwrap();
        });
        machine.wait_for(".");
        machine.handle.stop();
        assert_eq!(machine.ended(), Ended::Stopped);
    }
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

#[test]
fn a_machine_is_built_again_of_the_same_parts_with_fresh_memory() {
    // `mov al, [0x180000]; add al, 'a'; out; mov byte [0x180000], 1; reset`.
    let code = [
        vec![0x8a, 0x04, 0x25, 0, 0, 0x18, 0, 0x04, b'a'],
        out(0x3f8),
        vec![0xc6, 0x04, 0x25, 0, 0, 0x18, 0, 1],
        write_byte(0xcf9, 0x06),
        HALT.to_vec(),
    ]
    .concat();
    let kernel = elf(&code, false);
    let seen = Seen::default();
    let (mut parts, mut said) = parts(vec![seen.device()]);
    for _ in 0..3 {
        let resets = seen.state().resets;
        let machine = start_with(&kernel, |_| {}, parts, said);
        machine.wait_for("a");
        let ended;
        (ended, parts, said) = machine.over();
        assert_eq!(ended, Ended::Reset);
        assert_eq!(parts.devices.len(), 1);
        assert!(seen.state().resets > resets, "the device was not reset");
    }
}

#[test]
fn a_guest_reaches_its_device_on_the_bus_that_it_is_on() {
    // `mov edx, 0xcf8; mov eax, 1 << 31 | 1 << 11; out dx, eax; add edx, 4;
    // in ax, dx`, then both bytes of the vendor: 0x1af4.
    let pci = vec![
        0xba, 0xf8, 0x0c, 0, 0, 0xb8, 0, 0x08, 0, 0x80, 0xef, 0x83, 0xc2, 4, 0x66, 0xed,
    ];
    // `mov rbx, 0xf0000000; mov eax, [rbx]`: "virt".
    let mmio = vec![0x48, 0xbb, 0, 0, 0, 0xf0, 0, 0, 0, 0, 0x8b, 0x03];
    // `mov cl, ah; out; mov al, cl; out`: two bytes of AX.
    let tell = [vec![0x88, 0xe1], out(0x3f8), vec![0x88, 0xc8], out(0x3f8)].concat();
    for (transport, read, expected) in [
        (Transport::Pci, pci, [0xf4, 0x1a]),
        (Transport::Mmio, mmio, *b"vi"),
    ] {
        let code = [read, tell.clone(), power_off(), HALT.to_vec()].concat();
        let (parts, said) = parts(vec![Seen::default().device()]);
        let change = |spec: &mut MachineSpec| spec.transport = transport;
        let machine = start_with(&elf(&code, false), change, parts, said);
        let (ended, _, said) = machine.over();
        assert_eq!(ended, Ended::PoweredOff);
        assert_eq!(
            said.iter().take(2).collect::<Vec<_>>(),
            expected,
            "{transport:?}"
        );
    }
}

#[test]
fn what_is_typed_reaches_the_guest() {
    // Until the line status says that there is something: read it, and echo it.
    // `mov dx, 0x3fd; in al, dx; test al, 1; jz -5; mov dx, 0x3f8; in al, dx; out`.
    let wait = vec![0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 1, 0x74, 0xfb];
    let echo = vec![0x66, 0xba, 0xf8, 0x03, 0xec, 0xee];
    let code = [wait, echo, power_off(), HALT.to_vec()].concat();
    let machine = start(&elf(&code, false), |_| {});
    assert_eq!(machine.handle.type_in(b"y"), 1);
    machine.wait_for("y");
    assert_eq!(machine.ended(), Ended::PoweredOff);
}

#[test]
fn the_power_button_is_seen_in_its_register() {
    // Enable the button, say so, and wait for its bit of the status.
    // `mov dx, 0x600; in ax, dx; test ah, 1; jz -7`.
    let wait = vec![0x66, 0xba, 0, 0x06, 0x66, 0xed, 0xf6, 0xc4, 1, 0x74, 0xf9];
    let code = [
        write_word(0x602, 1 << 8),
        say("."),
        wait,
        power_off(),
        HALT.to_vec(),
    ]
    .concat();
    let machine = start(&elf(&code, false), |_| {});
    machine.wait_for(".");
    machine.handle.press_power_button();
    assert_eq!(machine.ended(), Ended::PoweredOff);
}

#[test]
fn an_instruction_that_kvm_cannot_go_on_with_is_shown() {
    // Jump to where there is no memory, and nothing to execute.
    let code = vec![0x48, 0xb8, 0, 0, 0, 0xd0, 0, 0, 0, 0, 0xff, 0xe0];
    let ended = start(&elf(&code, false), |_| {}).ended();
    let Ended::Failed { cpu: 0, fault } = &ended else {
        panic!("{ended:?}");
    };
    let words = fault.to_string();
    assert!(words.contains("at 0xd0000000"), "{words}");
}

#[test]
fn more_devices_than_there_are_lines_are_refused() {
    let devices = (0..12).map(|_| Seen::default().device()).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), elf(&HALT, false)).unwrap();
    let error = Machine::build(&spec(file.path()), parts(devices).0)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "a machine has room for 11 virtio devices, and is to have 12"
    );
}

#[test]
fn a_host_without_kvm_is_told_before_anything_is_made() {
    let nowhere = Path::new("/no/such/kvm");
    let spec = spec(Path::new("/no/such/kernel"));
    let error = Machine::build_on(nowhere, &spec, parts(Vec::new()).0)
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("there is no /no/such/kvm"),
        "{error}"
    );
}
