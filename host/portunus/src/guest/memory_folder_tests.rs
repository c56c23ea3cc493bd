//! Tests of the choice of a folder for guest memory.

use super::*;

fn chosen(shm: Option<Room>, other: Option<Room>) -> Result<PathBuf, NoMemoryFolder> {
    let folders = [Path::new("/dev/shm"), Path::new("/tmp")];
    choose_by(128, &folders, |folder| {
        if folder == folders[0] { shm } else { other }
    })
}

const WIDE: Room = Room {
    free_bytes: 1 << 30,
    executable: true,
};
const NARROW: Room = Room {
    free_bytes: 64 << 20,
    executable: true,
};
const NOEXEC: Room = Room {
    free_bytes: 1 << 30,
    executable: false,
};

#[test]
fn shared_memory_comes_first() {
    assert_eq!(
        chosen(Some(WIDE), Some(WIDE)).unwrap(),
        Path::new("/dev/shm")
    );
}

#[test]
fn a_small_absent_or_noexec_one_is_passed_over() {
    for shm in [Some(NARROW), Some(NOEXEC), None] {
        assert_eq!(chosen(shm, Some(WIDE)).unwrap(), Path::new("/tmp"));
    }
}

#[test]
fn with_none_left_the_error_says_why_of_each() {
    let said = chosen(Some(NOEXEC), Some(NARROW)).unwrap_err().to_string();
    assert!(said.contains("memory of 128 MiB"), "{said}");
    assert!(
        said.contains("/dev/shm is mounted noexec, /tmp is too small"),
        "{said}"
    );
}

#[test]
fn a_real_folder_has_room_and_an_absent_one_has_none() {
    assert!(room_in(Path::new("/")).is_some());
    assert!(room_in(Path::new("/no/such/folder")).is_none());
}
