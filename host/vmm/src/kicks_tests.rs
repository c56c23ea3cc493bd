//! Where kicks are wired, and how they come else.

use super::*;
use crate::fake_wiring::FakeWiring;

fn rig(place: NotifyPlace) -> (Arc<FakeWiring>, Kicks) {
    let wiring = FakeWiring::new();
    (wiring.clone(), Kicks::new(wiring, place))
}

#[test]
fn each_queue_has_an_address_of_its_own() {
    let (wiring, mut kicks) = rig(NotifyPlace::Spaced(0x1000));
    let [first, third] = [0, 2].map(|queue| kicks.add(queue).unwrap());
    assert!(wiring.guest_writes(0x1008, 2));
    assert!(!wiring.guest_writes(0x1004, 1));
    assert_eq!((third.read().unwrap(), first.read().is_err()), (1, true));
}

#[test]
fn queues_of_one_address_are_told_apart_by_what_is_written() {
    let (wiring, mut kicks) = rig(NotifyPlace::Shared(0x50));
    let [first, third] = [0, 2].map(|queue| kicks.add(queue).unwrap());
    assert!(wiring.guest_writes(0x50, 2));
    assert!(!wiring.guest_writes(0x50, 1));
    assert_eq!((third.read().unwrap(), first.read().is_err()), (1, true));
}

#[test]
fn kicks_move_with_the_place_and_are_nowhere_without_one() {
    let (wiring, mut kicks) = rig(NotifyPlace::Nowhere);
    let first = kicks.add(0).unwrap();
    assert!(wiring.io_events().is_empty());
    for start in [0x1000, 0x2000, 0x2000] {
        kicks.move_to(NotifyPlace::Spaced(start));
        let value = None;
        assert_eq!(
            wiring.io_events(),
            [IoEvent {
                address: start,
                value
            }]
        );
    }
    assert!(!wiring.guest_writes(0x1000, 0));
    assert!(wiring.guest_writes(0x2000, 0));
    assert_eq!(first.read().unwrap(), 1);
    kicks.move_to(NotifyPlace::Nowhere);
    assert!(wiring.io_events().is_empty());
    assert!(wiring.mistakes().is_empty());
}

#[test]
fn a_kick_that_is_not_wired_comes_from_here() {
    let (wiring, mut kicks) = rig(NotifyPlace::Spaced(0x1000));
    wiring.refuse(true);
    let first = kicks.add(0).unwrap();
    assert!(!wiring.guest_writes(0x1000, 0));
    kicks.kick(0);
    assert_eq!(first.read().unwrap(), 1);
    kicks.clear();
    assert!(wiring.mistakes().is_empty());
}

#[test]
fn a_kick_of_a_queue_that_does_not_run_is_nothing() {
    let (wiring, mut kicks) = rig(NotifyPlace::Spaced(u64::MAX - 2));
    let first = kicks.add(0).unwrap();
    kicks.kick(1);
    kicks.kick(u16::MAX);
    assert!(first.read().is_err());
    drop(kicks);
    assert!(wiring.io_events().is_empty());
}
