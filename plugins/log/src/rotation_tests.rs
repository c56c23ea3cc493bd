//! Tests of `rotation.rs`.

use std::convert::Infallible;

use super::*;

fn plan(keep: u32, there: &[u32]) -> Vec<u32> {
    let exists = |number| Ok::<_, Infallible>(there.contains(&number));
    renames(keep, exists).unwrap().collect()
}

#[test]
fn old_files_are_numbered_from_one() {
    assert_eq!(numbered("/logs/a", 0), "/logs/a");
    assert_eq!(numbered("/logs/a", 2), "/logs/a.2");
}

#[test]
fn the_first_rotation_renames_the_current_file() {
    assert_eq!(plan(3, &[]), [0]);
}

#[test]
fn each_old_file_moves_up_from_the_oldest_on() {
    assert_eq!(plan(5, &[1, 2]), [2, 1, 0]);
}

#[test]
fn the_oldest_is_replaced_once_as_many_as_wanted_are_there() {
    assert_eq!(plan(3, &[1, 2, 3]), [2, 1, 0]);
    assert_eq!(plan(1, &[1]), [0]);
}

#[test]
fn a_rotation_that_stopped_half_way_goes_on_there() {
    // 2 was renamed to 3, and 1 to 2, but 0 could not be renamed.
    assert_eq!(plan(5, &[2, 3]), [0]);
    // 2 was renamed to 3, and 1 could not be renamed.
    assert_eq!(plan(5, &[1, 3]), [1, 0]);
}
