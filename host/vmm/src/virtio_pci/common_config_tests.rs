//! The registers, at their own widths and at others.

use super::*;
use crate::fake_device::{LINE, Seen};
use crate::fake_wiring::FakeWiring;
use crate::interrupt_line::InterruptLine;
use crate::kicks::{Kicks, NotifyPlace};
use crate::transport::Attachment;
use crate::virtio_pci::interrupts::Interrupts;

fn rig() -> (Transport, PciEvents) {
    let wiring = FakeWiring::new();
    let seen = Seen::default();
    let Attachment { memory, faults, .. } = seen.attachment(wiring.clone());
    let line = InterruptLine::new(wiring.clone(), LINE).unwrap();
    let interrupts = Interrupts::new(wiring.clone(), line, 7, 6, faults.clone()).unwrap();
    let config_change = interrupts.config_change();
    let kicks = Kicks::new(wiring, NotifyPlace::Nowhere);
    let events = PciEvents { kicks, interrupts };
    (
        Transport::new(seen.device(), memory, faults, config_change),
        events,
    )
}

fn image((transport, events): &(Transport, PciEvents)) -> Vec<u8> {
    let mut into = vec![0xaa; 60];
    read(0, &mut into, transport, events);
    into
}

/// Each writable field, and its width in bytes.
const FIELDS: [(u64, usize); 12] = [
    (0, 4),
    (8, 4),
    (16, 2),
    (20, 1),
    (22, 2),
    (24, 2),
    (26, 2),
    (28, 2),
    (32, 8),
    (36, 4),
    (40, 8),
    (48, 8),
];

#[test]
fn a_new_device_reads_as_one() {
    let rig = rig();
    let mut expected = vec![0; 60];
    expected[4..8].copy_from_slice(&0x3000_0007_u32.to_le_bytes());
    expected[16..18].copy_from_slice(&[0xff, 0xff]);
    expected[18] = 6;
    expected[25] = 1;
    expected[26..28].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(image(&rig), expected);
}

#[test]
fn each_field_takes_its_own_width_and_no_other() {
    for (offset, width) in FIELDS {
        for bytes in 1..=8 {
            // An address is written as a whole or by its halves.
            let fits = bytes == width || (width == 8 && bytes == 4);
            let mut rig = rig();
            let before = image(&rig);
            let mut value = vec![0; bytes];
            value[0] = 1;
            write(offset, &value, &mut rig.0, &mut rig.1);
            assert_eq!(image(&rig) != before, fits, "{bytes} bytes at {offset}");
        }
    }
}

#[test]
fn what_is_not_writable_does_not_change() {
    for offset in [4, 18, 21, 30, 56, 58, 60, 1000, u64::MAX] {
        for bytes in [1, 2, 4, 8] {
            let mut rig = rig();
            let before = image(&rig);
            write(offset, &vec![1; bytes], &mut rig.0, &mut rig.1);
            assert_eq!(image(&rig), before, "{bytes} bytes at {offset}");
        }
    }
}

#[test]
fn a_queue_that_does_not_exist_has_no_size() {
    let mut rig = rig();
    for queue in [6, 7, u16::MAX] {
        write(22, &queue.to_le_bytes(), &mut rig.0, &mut rig.1);
        write(24, &[16, 0], &mut rig.0, &mut rig.1);
        write(28, &[1, 0], &mut rig.0, &mut rig.1);
        let image = image(&rig);
        assert_eq!(image[24..26], [0, 0]);
        assert_eq!(image[26..28], [0xff, 0xff]);
        assert!(image[28..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn each_queue_is_notified_at_its_own_place() {
    let mut rig = rig();
    for queue in 0..6_u16 {
        write(22, &queue.to_le_bytes(), &mut rig.0, &mut rig.1);
        assert_eq!(image(&rig)[30..32], queue.to_le_bytes());
    }
}

#[test]
fn any_bytes_are_read_as_those_of_the_whole() {
    let rig = rig();
    let whole = image(&rig);
    for offset in 0..70_usize {
        for bytes in 1..=8 {
            let mut into = vec![0xaa; bytes];
            read(u64::try_from(offset).unwrap(), &mut into, &rig.0, &rig.1);
            for (at, byte) in (offset..).zip(into) {
                assert_eq!(
                    byte,
                    *whole.get(at).unwrap_or(&0),
                    "{bytes} bytes at {offset}"
                );
            }
        }
    }
}
