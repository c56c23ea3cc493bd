//! Tests of `journal.rs`.

use proptest::prelude::*;

use super::*;
use crate::frames::Framing;
use crate::full_disk::FullDisk;
use crate::spec::Output;

const PATH: &str = "a.log";

fn journal(disk: &FullDisk, rotate_bytes: u64, keep: u32) -> Journal<FullDisk> {
    let spec = Spec {
        path: PATH.into(),
        rotate_bytes,
        keep,
        max_line_bytes: 100,
        framing: Framing::Lines,
        output: Output::Text,
    };
    Journal::new(disk.clone(), &spec, Waiting::default())
}

/// All that was written, the oldest first.
fn everything(disk: &FullDisk) -> String {
    let mut names = disk.names();
    names.sort_by_key(|name| {
        let number = name
            .strip_prefix("a.log.")
            .map_or(0, |number| number.parse().unwrap());
        std::cmp::Reverse::<u32>(number)
    });
    names.iter().map(|name| disk.text(name)).collect()
}

#[test]
fn records_are_appended_to_what_is_there() {
    let disk = FullDisk::default();
    disk.put(PATH, "before\n");
    let mut journal = journal(&disk, 1000, 1);
    journal.records().push_str("one\ntwo\n");
    journal.write().unwrap();
    assert_eq!(disk.text(PATH), "before\none\ntwo\n");
    assert_eq!(journal.take_written(), 2);
}

#[test]
fn a_line_that_another_left_unfinished_is_ended_first() {
    let disk = FullDisk::default();
    disk.put(PATH, "torn");
    let mut journal = journal(&disk, 1000, 1);
    journal.records().push_str("one\n");
    journal.write().unwrap();
    assert_eq!(disk.text(PATH), "torn\none\n");
}

#[test]
fn a_record_that_stopped_in_the_middle_goes_on_there() {
    let disk = FullDisk::default();
    let mut journal = journal(&disk, 1000, 1);
    journal.records().push_str("one\ntwo\n");
    disk.make_room(6);
    assert!(
        journal
            .write()
            .unwrap_err()
            .to_string()
            .starts_with("a.log: ")
    );
    assert_eq!(disk.text(PATH), "one\ntw");
    assert_eq!(journal.take_written(), 1);
    disk.make_room(100);
    journal.write().unwrap();
    assert_eq!(disk.text(PATH), "one\ntwo\n");
}

#[test]
fn a_record_whose_beginning_was_removed_is_written_from_its_start() {
    let disk = FullDisk::default();
    let mut journal = journal(&disk, 1000, 1);
    journal.records().push_str("one\n");
    disk.make_room(2);
    journal.write().unwrap_err();
    disk.remove(PATH);
    disk.make_room(100);
    journal.write().unwrap();
    assert_eq!(disk.text(PATH), "one\n");
}

#[test]
fn a_record_that_another_program_wrote_into_is_written_again_on_a_line_of_its_own() {
    let disk = FullDisk::default();
    let mut journal = journal(&disk, 1000, 1);
    journal.records().push_str("one\n");
    disk.make_room(2);
    journal.write().unwrap_err();
    disk.put(PATH, "onother");
    disk.make_room(100);
    journal.write().unwrap();
    assert_eq!(disk.text(PATH), "onother\none\n");
}

#[test]
fn another_goes_on_with_what_waits() {
    let disk = FullDisk::default();
    let mut first = journal(&disk, 1000, 1);
    first.records().push_str("one\ntwo\n");
    disk.make_room(6);
    first.write().unwrap_err();
    let spec = Spec {
        path: PATH.into(),
        rotate_bytes: 1000,
        keep: 1,
        max_line_bytes: 100,
        framing: Framing::Lines,
        output: Output::Text,
    };
    let mut second = Journal::new(disk.clone(), &spec, first.waiting().clone());
    disk.make_room(100);
    second.write().unwrap();
    assert_eq!(disk.text(PATH), "one\ntwo\n");
}

#[test]
fn no_file_outgrows_its_size_and_as_many_as_wanted_are_kept() {
    let disk = FullDisk::default();
    let mut journal = journal(&disk, 10, 2);
    journal
        .records()
        .push_str("1111\n2222\n3333\n4444\n5555\n6666\n7777\n");
    journal.write().unwrap();
    assert_eq!(disk.text(PATH), "7777\n");
    assert_eq!(disk.text("a.log.1"), "5555\n6666\n");
    assert_eq!(disk.text("a.log.2"), "3333\n4444\n");
    assert_eq!(disk.names().len(), 3);
    assert!(disk.is_synced("a.log.1"));
}

#[test]
fn a_record_larger_than_a_file_has_one_to_itself() {
    let disk = FullDisk::default();
    let mut journal = journal(&disk, 10, 9);
    journal.records().push_str("1\n22222222222222\n3\n");
    journal.write().unwrap();
    assert_eq!(disk.text("a.log.2"), "1\n");
    assert_eq!(disk.text("a.log.1"), "22222222222222\n");
    assert_eq!(disk.text(PATH), "3\n");
}

#[test]
fn a_rotation_that_fails_half_way_loses_nothing_and_is_finished_later() {
    let disk = FullDisk::default();
    disk.put("a.log", "3333\n");
    disk.put("a.log.1", "2222\n");
    disk.put("a.log.2", "1111\n");
    let mut journal = journal(&disk, 5, 5);
    journal.records().push_str("4444\n");
    for _ in 0..3 {
        disk.allow_renames(1);
        let _ = journal.write();
    }
    assert_eq!(everything(&disk), "1111\n2222\n3333\n4444\n");
    assert_eq!(disk.names().len(), 4);
}

#[test]
fn giving_up_takes_a_torn_record_back_and_counts_what_is_lost() {
    let disk = FullDisk::default();
    let mut journal = journal(&disk, 1000, 1);
    journal.records().push_str("one\ntwo\nthree\n");
    disk.make_room(6);
    journal.write().unwrap_err();
    assert_eq!(journal.give_up(), 2);
    assert_eq!(disk.text(PATH), "one\n");
    journal.write().unwrap();
}

proptest! {
    #[test]
    fn every_record_gets_there_once_and_in_order_wherever_the_disk_is_full(
        words in proptest::collection::vec("[a-z]{0,12}", 0..60),
        rooms in proptest::collection::vec(0_usize..30, 1..20),
        renames in proptest::collection::vec(0_usize..4, 1..20),
        rotate_bytes in 1_u64..80,
    ) {
        let disk = FullDisk::default();
        // Enough for each record to have a file.
        let mut journal = journal(&disk, rotate_bytes, 99);
        let all: String = words.iter().map(|word| format!("{word}\n")).collect();
        let mut rooms = rooms.into_iter().chain(std::iter::repeat(1)).cycle();
        let mut renames = renames.into_iter().chain(std::iter::repeat(100));
        for word in &words {
            journal.records().push_str(&format!("{word}\n"));
            disk.make_room(rooms.next().unwrap());
            disk.allow_renames(renames.next().unwrap());
            let _ = journal.write();
        }
        disk.make_room(10_000);
        disk.allow_renames(10_000);
        journal.write().unwrap();
        prop_assert_eq!(everything(&disk), all);
        prop_assert_eq!(journal.take_written(), words.len() as u64);
    }
}
