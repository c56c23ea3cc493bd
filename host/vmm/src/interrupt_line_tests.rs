//! When the line is high.

use std::thread;

use proptest::prelude::*;

use super::*;
use crate::fake_wiring::{FakeWiring, NO_LINE};

const GSI: Gsi = Gsi(5);

fn rig() -> (Arc<FakeWiring>, InterruptLine) {
    let wiring = FakeWiring::new();
    let line = InterruptLine::new(wiring.clone(), GSI).unwrap();
    (wiring, line)
}

#[test]
fn the_line_is_high_from_a_cause_to_its_acknowledgement() {
    let (wiring, line) = rig();
    assert!(line.raise(USED_BUFFERS));
    assert!(line.raise(USED_BUFFERS));
    assert_eq!((wiring.is_high(GSI), line.causes()), (true, USED_BUFFERS));
    assert_eq!(line.acknowledge(CONFIG_CHANGE), 0);
    assert!(wiring.is_high(GSI));
    assert_eq!(line.acknowledge(USED_BUFFERS), USED_BUFFERS);
    assert_eq!((wiring.is_high(GSI), wiring.rises(GSI)), (false, 1));
}

#[test]
fn a_cause_that_is_left_is_an_edge_of_its_own() {
    let (wiring, line) = rig();
    line.raise(USED_BUFFERS);
    line.raise(CONFIG_CHANGE);
    line.acknowledge(USED_BUFFERS);
    assert_eq!((wiring.is_high(GSI), wiring.rises(GSI)), (true, 2));
    assert_eq!(line.causes(), CONFIG_CHANGE);
}

#[test]
fn a_disabled_line_is_low_and_keeps_its_causes() {
    let (wiring, line) = rig();
    line.raise(USED_BUFFERS);
    line.disable(true);
    assert_eq!((wiring.is_high(GSI), line.causes()), (false, USED_BUFFERS));
    line.disable(false);
    assert!(wiring.is_high(GSI));
}

#[test]
fn a_line_that_is_not_in_use_has_no_cause() {
    let (wiring, line) = rig();
    line.raise(USED_BUFFERS);
    line.use_it(false);
    assert!(!line.raise(CONFIG_CHANGE));
    line.use_it(true);
    assert_eq!((wiring.is_high(GSI), line.causes()), (false, 0));
}

#[test]
fn a_line_goes_low_with_its_device() {
    let (wiring, line) = rig();
    line.raise(USED_BUFFERS);
    drop(line);
    assert!(!wiring.is_high(GSI));
}

#[test]
fn a_machine_without_the_line_is_told_at_once() {
    assert!(InterruptLine::new(FakeWiring::new(), NO_LINE).is_err());
}

#[test]
fn no_cause_is_lost_between_two_threads() {
    let (wiring, line) = rig();
    thread::scope(|scope| {
        let raiser = scope.spawn(|| {
            for _ in 0..10_000 {
                line.raise(USED_BUFFERS);
            }
        });
        while !raiser.is_finished() {
            line.acknowledge(USED_BUFFERS);
        }
    });
    assert_eq!(wiring.is_high(GSI), line.causes() != 0);
}

proptest! {
    #[test]
    fn the_line_is_what_its_state_says(steps in prop::collection::vec((0..4_u8, any::<u8>()), 0..40)) {
        let (wiring, line) = rig();
        let (mut causes, mut disabled, mut in_use) = (0, false, true);
        for (kind, value) in steps {
            match kind {
                0 => {
                    prop_assert_eq!(line.raise(value & 3), in_use);
                    causes |= if in_use { value & 3 } else { 0 };
                }
                1 => {
                    prop_assert_eq!(line.acknowledge(value), causes & value);
                    causes &= !value;
                }
                2 => {
                    disabled = value % 2 == 0;
                    line.disable(disabled);
                }
                _ => {
                    in_use = value % 2 == 0;
                    causes = if in_use { causes } else { 0 };
                    line.use_it(in_use);
                }
            }
            prop_assert_eq!(line.causes(), causes);
            prop_assert_eq!(wiring.is_high(GSI), causes != 0 && !disabled);
        }
    }
}
