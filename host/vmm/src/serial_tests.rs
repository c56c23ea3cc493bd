use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use vmm_sys_util::eventfd::EFD_NONBLOCK;

use super::*;

const DATA: u8 = 0;
const INTERRUPT_ENABLE: u8 = 1;
const MODEM_CONTROL: u8 = 4;
const LINE_STATUS: u8 = 5;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn port() -> (SerialPort, Paper, EventFd) {
    let (paper, interrupt) = (Paper::default(), EventFd::new(EFD_NONBLOCK).unwrap());
    let ours = interrupt.try_clone().unwrap();
    (
        SerialPort::new(Box::new(paper.clone()), interrupt),
        paper,
        ours,
    )
}

fn read_all(port: &mut SerialPort) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let mut status = [0];
        port.read(LINE_STATUS, &mut status);
        if status[0] & 1 == 0 {
            return bytes;
        }
        let mut byte = [0];
        port.read(DATA, &mut byte);
        bytes.extend(byte);
    }
}

#[test]
fn a_string_instruction_writes_all_its_bytes() {
    let (mut port, paper, _) = port();
    port.write(DATA, b"hello");
    assert_eq!(*paper.0.lock().unwrap(), b"hello");
}

#[test]
fn what_is_typed_interrupts_and_is_read_in_order_whatever_its_length() {
    let (mut port, _, interrupt) = port();
    port.write(INTERRUPT_ENABLE, &[1]);
    let _earlier = interrupt.read();
    let typed: Vec<u8> = (0..=u8::MAX).cycle().take(INPUT_BYTES).collect();
    assert_eq!(port.type_in(&typed), typed.len());
    assert!(interrupt.read().is_ok());
    assert_eq!(read_all(&mut port), typed);
}

#[test]
fn what_finds_no_room_is_not_taken() {
    let (mut port, ..) = port();
    let flood = vec![b'x'; 2 * INPUT_BYTES];
    let mut taken = 0;
    loop {
        match port.type_in(&flood) {
            0 => break,
            more => taken += more,
        }
    }
    // The 16550's own 64 bytes beside ours.
    assert_eq!(taken, INPUT_BYTES + 64);
    assert_eq!(read_all(&mut port).len(), taken);
    assert_eq!(port.type_in(b"again"), 5);
}

#[test]
fn what_is_typed_during_a_loop_back_test_waits_for_its_end() {
    let (mut port, ..) = port();
    port.write(MODEM_CONTROL, &[0x10]);
    port.type_in(b"early");
    assert_eq!(read_all(&mut port), b"");
    port.write(MODEM_CONTROL, &[0]);
    assert_eq!(read_all(&mut port), b"early");
}

#[test]
fn a_port_whose_output_was_taken_writes_nowhere() {
    let (mut port, paper, _) = port();
    let mut output = port.take_output();
    port.write(DATA, b"lost");
    output.write_all(b"ours").unwrap();
    assert_eq!(*paper.0.lock().unwrap(), b"ours");
}

proptest! {
    #[test]
    fn any_access_of_any_size_is_answered(
        accesses in prop::collection::vec((0_u8..8, prop::collection::vec(any::<u8>(), 0..9)), 0..50)
    ) {
        let (mut port, ..) = port();
        for (register, bytes) in accesses {
            port.write(register, &bytes);
            port.type_in(&bytes);
            let mut into = bytes.clone();
            port.read(register, &mut into);
            prop_assert!(port.waiting.len() <= INPUT_BYTES);
        }
    }
}
