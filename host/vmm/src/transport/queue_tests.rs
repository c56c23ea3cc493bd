//! What a driver can write of a queue, and when.

use super::*;

#[test]
fn a_size_that_cannot_be_is_ignored() {
    let cases = [
        (1, 1),
        (64, 64),
        (256, 256),
        (0, 256),
        (3, 256),
        (257, 256),
        (512, 256),
        (0x1_0040, 256),
        (u32::MAX, 256),
    ];
    for (written, read) in cases {
        let mut queue = QueueSetup::default();
        queue.set_size(written);
        assert_eq!(queue.size, read, "{written}");
    }
}

#[test]
fn an_enabled_queue_does_not_change() {
    let mut queue = QueueSetup::default();
    queue.set_address(Part::Used, 1, 7);
    queue.enable(true);
    let enabled = queue;
    queue.set_size(2);
    for part in [Part::Descriptors, Part::Available, Part::Used] {
        queue.set_address(part, 0, 1);
        queue.set_address(part, 1, 1);
    }
    assert_eq!(queue, enabled);
    assert_eq!(queue.used, 7 << 32);
}

#[test]
fn a_queue_is_disabled_until_it_has_started_and_not_after() {
    let mut queue = QueueSetup::default();
    queue.enable(true);
    queue.enable(false);
    assert!(!queue.enabled);
    queue.enable(true);
    queue.started = true;
    queue.enable(false);
    assert!(queue.enabled);
}
