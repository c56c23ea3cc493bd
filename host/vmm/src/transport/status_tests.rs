//! What a driver can make of the status.

use proptest::prelude::*;

use super::*;

fn after(writes: &[u8], accepted: bool) -> u8 {
    let start = Status::default();
    let end = writes.iter().fold(start, |status, written| {
        status.advance(*written, || accepted)
    });
    end.bits()
}

#[test]
fn a_driver_comes_to_driver_ok_only_by_accepted_features() {
    let cases: &[(&[u8], bool, u8)] = &[
        (&[1], true, 1),
        (&[1, 3], true, 3),
        (&[1, 3, 11], true, 11),
        (&[1, 3, 11, 15], true, 15),
        (&[1, 3, 11], false, 3),
        (&[1, 3, 11, 15], false, 3),
        (&[1, 3, 7], true, 3),
        (&[15], true, 15),
        (&[4], true, 0),
        (&[1, 3, 11, 15, 1], true, 15),
        (&[1, 3, 128], true, 131),
        (&[64], true, 0),
        (&[0xff], true, 1 | 2 | 4 | 8 | 128),
    ];
    for (writes, accepted, expected) in cases {
        assert_eq!(
            after(writes, *accepted),
            *expected,
            "{writes:?}, {accepted}"
        );
    }
}

#[test]
fn features_that_are_settled_are_not_asked_about_again() {
    let settled = Status::default().advance(FEATURES_OK, || true);
    assert_eq!(
        settled.advance(0xff, || panic!("asked twice")).bits() & 8,
        8
    );
}

proptest! {
    #[test]
    fn bits_stay_set_and_none_is_the_devices(writes in prop::collection::vec((any::<u8>(), any::<bool>()), 0..20)) {
        let mut status = Status::default();
        for (written, accepted) in writes {
            let next = status.advance(written, || accepted);
            prop_assert_eq!(next.bits() & status.bits(), status.bits());
            prop_assert_eq!(next.bits() & !(ACKNOWLEDGE | DRIVER | DRIVER_OK | FEATURES_OK | FAILED), 0);
            prop_assert!(!next.is_running() || next.has_features());
            status = next;
        }
    }
}
