//! Tests of `owned.rs`.

use super::*;
use Handle::{File, Process};

#[test]
fn a_handle_is_had_by_the_client_it_was_given_to_alone() {
    let mut owned = Owned::default();
    assert!(owned.give(1, File(5)));
    assert!(owned.has(1, File(5)));
    assert!(!owned.has(2, File(5)));
    assert!(!owned.has(1, Process(5)));
    owned.forget(File(5));
    assert!(!owned.has(1, File(5)));
}

#[test]
fn a_guest_cannot_give_one_clients_handle_to_another() {
    let mut owned = Owned::default();
    assert!(owned.give(1, File(5)));
    assert!(!owned.give(2, File(5)));
    assert!(owned.has(1, File(5)) && !owned.has(2, File(5)));
    assert!(owned.give(1, File(5)));
}

#[test]
fn a_client_has_a_bounded_number_of_them() {
    let mut owned = Owned::default();
    for number in 0..64 {
        assert!(owned.has_room(1), "{number}");
        owned.give(1, File(number));
    }
    assert!(!owned.has_room(1));
    assert!(owned.has_room(2));
    owned.forget(File(0));
    assert!(owned.has_room(1));
}

#[test]
fn what_a_client_had_is_taken_when_it_goes() {
    let mut owned = Owned::default();
    owned.give(1, File(5));
    owned.give(1, Process(6));
    owned.give(2, File(7));
    assert_eq!(owned.take_all(1), [File(5), Process(6)]);
    assert_eq!(owned.take_all(1), []);
    owned.clear();
    assert!(!owned.has(2, File(7)));
}
