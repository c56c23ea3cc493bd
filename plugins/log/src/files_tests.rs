//! Tests of `files.rs`, on a real file system.

use super::*;

#[test]
fn a_file_is_made_appended_to_and_measured() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let path = path.to_str().unwrap();
    assert_eq!(Disk.length(path).unwrap(), 0);
    assert_eq!(Disk.last_byte(path).unwrap(), None);
    assert!(!Disk.exists(path).unwrap());

    for text in ["one\n", "two"] {
        let appended = Disk.append(path, text.as_bytes());
        appended.result.unwrap();
        assert_eq!(appended.bytes, text.len());
    }
    assert_eq!(fs::read_to_string(path).unwrap(), "one\ntwo");
    assert_eq!(Disk.length(path).unwrap(), 7);
    assert_eq!(Disk.last_byte(path).unwrap(), Some(b'o'));

    Disk.truncate(path, 4).unwrap();
    Disk.sync(path).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "one\n");
}

#[test]
fn a_rename_replaces_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    Disk.append(&path("a"), b"new").result.unwrap();
    Disk.append(&path("a.1"), b"old").result.unwrap();
    Disk.rename(&path("a"), &path("a.1")).unwrap();
    assert_eq!(fs::read_to_string(path("a.1")).unwrap(), "new");
    assert!(!Disk.exists(&path("a")).unwrap());
}

#[test]
fn a_missing_file_needs_no_sync() {
    let directory = tempfile::tempdir().unwrap();
    Disk.sync(directory.path().join("none").to_str().unwrap())
        .unwrap();
}

#[test]
fn what_cannot_be_written_says_that_nothing_is_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let appended = Disk.append(directory.path().join("no/a").to_str().unwrap(), b"text");
    assert_eq!(appended.bytes, 0);
    assert_eq!(appended.result.unwrap_err().kind(), io::ErrorKind::NotFound);
}
