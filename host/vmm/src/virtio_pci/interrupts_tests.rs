//! Which signals become messages, which wait, and which raise the line.

use std::sync::Mutex;
use std::thread;

use super::*;
use crate::fake_wiring::FakeWiring;
use crate::virtio_pci::msix::{ENABLE, MASK_ALL};

const LINE: Gsi = Gsi(9);

struct Rig {
    wiring: Arc<FakeWiring>,
    interrupts: Interrupts,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Rig {
    /// Three vectors, two queues that run, and messages enabled.
    fn new() -> (Self, [Arc<dyn Notifier>; 2]) {
        let wiring = FakeWiring::new();
        let line = InterruptLine::new(wiring.clone(), LINE).unwrap();
        let faults = Arc::<Mutex<Vec<String>>>::default();
        let kept = faults.clone();
        let sink: FaultSink = Arc::new(move |fault| kept.lock().unwrap().push(fault.to_string()));
        let mut interrupts = Interrupts::new(wiring.clone(), line, 3, 2, sink).unwrap();
        interrupts.set_control(ENABLE);
        let queues = [0, 1].map(|queue| interrupts.start(queue).unwrap());
        let rig = Self {
            wiring,
            interrupts,
            faults,
        };
        (rig, queues)
    }

    fn set_entry(&mut self, vector: u8, data: u8, masked: bool) {
        let entry = [
            0,
            0,
            0xe0,
            0xfe,
            0,
            0,
            0,
            0,
            data,
            0,
            0,
            0,
            u8::from(masked),
            0,
            0,
            0,
        ];
        self.interrupts.write_table(u64::from(vector) * 16, &entry);
    }

    fn sent(&self) -> Vec<u32> {
        self.wiring
            .sent()
            .iter()
            .map(|message| message.data)
            .collect()
    }

    fn pending(&self) -> u64 {
        let mut bits = [0xff; 8];
        self.interrupts.read_pending(0, &mut bits);
        u64::from_le_bytes(bits)
    }
}

#[test]
fn a_queue_sends_its_vectors_message() {
    let (mut rig, [first, second]) = Rig::new();
    rig.set_entry(1, 0x41, false);
    rig.interrupts.set_vector(Why::Queue(0), 1);
    first.notify();
    second.notify();
    assert_eq!(rig.sent(), [0x41]);
    assert!(rig.sent().is_empty());
    assert_eq!(rig.wiring.connected(), 1);
}

#[test]
fn sources_may_share_a_vector() {
    let (mut rig, [first, second]) = Rig::new();
    rig.set_entry(2, 0x42, false);
    for why in [Why::Config, Why::Queue(0), Why::Queue(1)] {
        rig.interrupts.set_vector(why, 2);
    }
    first.notify();
    second.notify();
    rig.interrupts.config_change().notify();
    assert_eq!(rig.sent(), [0x42; 3]);
}

#[test]
fn what_is_masked_is_pending_and_sent_once_when_it_is_not() {
    let (mut rig, [first, _]) = Rig::new();
    rig.set_entry(1, 0x41, true);
    rig.interrupts.set_vector(Why::Queue(0), 1);
    first.notify();
    first.notify();
    assert_eq!((rig.sent(), rig.pending()), (vec![], 1 << 1));
    rig.set_entry(1, 0x51, false);
    assert_eq!((rig.sent(), rig.pending()), (vec![0x51], 0));
    rig.set_entry(1, 0x51, true);
    assert_eq!(rig.pending(), 0);
    rig.set_entry(1, 0x51, false);
    assert!(rig.sent().is_empty());
}

#[test]
fn no_signal_is_lost_to_a_mask_that_comes_and_goes_meanwhile() {
    let (mut rig, [first, _]) = Rig::new();
    rig.interrupts.set_vector(Why::Queue(0), 1);
    for _ in 0..500 {
        let mut sent = thread::scope(|scope| {
            let device = scope.spawn(|| first.notify());
            let mut sent = 0;
            while !device.is_finished() {
                rig.set_entry(1, 0x41, false);
                sent += rig.sent().len();
                rig.set_entry(1, 0x41, true);
            }
            sent
        });
        rig.set_entry(1, 0x41, false);
        sent += rig.sent().len();
        assert!(sent > 0);
    }
}

#[test]
fn the_function_mask_holds_all_vectors() {
    let (mut rig, [first, second]) = Rig::new();
    for vector in [1, 2] {
        rig.set_entry(vector, 0x40 + vector, false);
        let queue = Why::Queue(u16::from(vector) - 1);
        rig.interrupts.set_vector(queue, u16::from(vector));
    }
    rig.interrupts.set_control(ENABLE | MASK_ALL);
    assert_eq!(rig.wiring.connected(), 0);
    first.notify();
    second.notify();
    assert_eq!((rig.sent(), rig.pending()), (vec![], 0b110));
    rig.interrupts.set_control(ENABLE);
    assert_eq!(rig.sent(), [0x41, 0x42]);
}

#[test]
fn a_vector_that_there_is_not_is_none() {
    let (mut rig, _) = Rig::new();
    for vector in [3, 2047, 0xfffe, NO_VECTOR] {
        rig.interrupts.set_vector(Why::Queue(0), 1);
        rig.interrupts.set_vector(Why::Queue(0), vector);
        assert_eq!(rig.interrupts.vector(Why::Queue(0)), NO_VECTOR);
    }
    rig.interrupts.set_vector(Why::Queue(7), 1);
    assert_eq!(rig.interrupts.vector(Why::Queue(7)), NO_VECTOR);
}

#[test]
fn vectors_move_between_sources_at_any_time() {
    let (mut rig, [first, second]) = Rig::new();
    rig.set_entry(0, 0x40, false);
    rig.set_entry(1, 0x41, false);
    rig.interrupts.set_vector(Why::Queue(0), 0);
    rig.interrupts.set_vector(Why::Queue(0), 1);
    rig.interrupts.set_vector(Why::Queue(1), 0);
    first.notify();
    assert_eq!(rig.sent(), [0x41]);
    second.notify();
    assert_eq!(rig.sent(), [0x40]);
    rig.interrupts.set_vector(Why::Queue(0), NO_VECTOR);
    first.notify();
    assert_eq!(
        (rig.sent(), rig.pending(), rig.wiring.connected()),
        (vec![], 0, 1)
    );
}

#[test]
fn without_messages_the_line_says_why() {
    let (mut rig, [first, _]) = Rig::new();
    rig.interrupts.set_control(0);
    first.notify();
    rig.interrupts.config_change().notify();
    assert!(rig.wiring.is_high(LINE));
    assert_eq!(rig.interrupts.line().acknowledge(u8::MAX), 0b11);
    assert!(!rig.wiring.is_high(LINE));
    first.notify();
    rig.interrupts.set_control(ENABLE);
    assert!(!rig.wiring.is_high(LINE));
}

#[test]
fn a_reset_disconnects_all_and_forgets_what_was_pending() {
    let (mut rig, [first, _]) = Rig::new();
    rig.set_entry(1, 0x41, false);
    rig.set_entry(2, 0x42, true);
    rig.interrupts.set_vector(Why::Queue(0), 1);
    rig.interrupts.set_vector(Why::Config, 2);
    rig.interrupts.config_change().notify();
    rig.interrupts.reset();
    assert_eq!((rig.wiring.connected(), rig.pending()), (0, 0));
    first.notify();
    let again = rig.interrupts.start(0).unwrap();
    rig.interrupts.set_vector(Why::Queue(0), 1);
    rig.interrupts.set_vector(Why::Config, 1);
    assert!(rig.sent().is_empty());
    again.notify();
    assert_eq!(rig.sent(), [0x41]);
    drop(rig.interrupts);
    assert_eq!(rig.wiring.connected(), 0);
    assert!(rig.wiring.mistakes().is_empty());
}

#[test]
fn a_vector_that_cannot_be_connected_is_the_hosts_fault_and_is_tried_again() {
    let (mut rig, [first, _]) = Rig::new();
    rig.set_entry(1, 0x41, false);
    rig.wiring.refuse(true);
    rig.interrupts.set_vector(Why::Queue(0), 1);
    first.notify();
    assert_eq!(rig.pending(), 0b10);
    let faults = rig.faults.lock().unwrap().clone();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("the guest's interrupt vector 1 is not connected"));
    rig.wiring.refuse(false);
    rig.set_entry(1, 0x41, false);
    assert_eq!(rig.sent(), [0x41]);
}

#[test]
fn pending_bits_are_read_at_any_offset_and_width() {
    let (mut rig, [first, _]) = Rig::new();
    rig.interrupts.set_vector(Why::Queue(0), 2);
    first.notify();
    for (offset, bytes, expected) in [
        (0, 1, 4),
        (0, 3, 4),
        (1, 1, 0),
        (31, 8, 0),
        (u64::MAX, 1, 0),
    ] {
        let mut into = vec![0xff; bytes];
        rig.interrupts.read_pending(offset, &mut into);
        assert_eq!(into[0], expected, "{bytes} at {offset}");
        assert!(into[1..].iter().all(|byte| *byte == 0));
    }
}
