//! Files that are no configuration at all.

use std::fs;

use super::*;

fn refused(path: &Path) -> String {
    let faults = Source::read(path).unwrap_err();
    let [fault] = faults.faults() else {
        panic!("{faults}")
    };
    fault.what.clone()
}

#[test]
fn a_file_that_is_missing_or_a_directory_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.toml");
    let told = refused(&missing);
    assert!(
        told.starts_with(&format!("`{}` cannot be read: ", missing.display())),
        "{told}"
    );
    assert_eq!(
        refused(directory.path()),
        format!("`{}` is a directory", directory.path().display())
    );
}

#[test]
fn a_file_larger_than_the_bound_is_not_read_to_its_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(MAX_SOURCE_SIZE).unwrap();
    assert!(Source::read(file.path()).is_ok());
    file.as_file().set_len(1 << 40).unwrap();
    assert!(refused(file.path()).ends_with("has more than 1048576 bytes"));
    assert!(refused(Path::new("/dev/zero")).ends_with("has more than 1048576 bytes"));
}

#[test]
fn a_byte_that_is_not_utf8_is_underlined() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), b"[vm]\nname = \"caf\xe9\"\n").unwrap();
    let faults = Source::read(file.path()).unwrap_err();
    assert_eq!(faults.faults()[0].what, "byte 0xe9 is not UTF-8");
    let place = &faults.report().faults[0].places[0];
    assert_eq!((place.line, place.column, place.end_column), (2, 12, 13));
}

#[test]
fn positions_count_lines_and_characters_from_one() {
    let source = Source::new("demo.toml", "ab\ncaf\u{e9}=\n");
    assert_eq!(source.position(0), (1, 1));
    assert_eq!(source.position(2), (1, 3));
    assert_eq!(source.position(3), (2, 1));
    assert_eq!(source.position(8), (2, 5));
    assert_eq!(source.position(1000), (3, 1));
}

#[test]
fn relative_paths_start_from_the_files_directory() {
    let from = |file: &str, path: &str| {
        Source::new(file, "")
            .path_from_here(Path::new(path))
            .display()
            .to_string()
    };
    assert_eq!(from("/etc/vm.toml", "./logs/"), "/etc/logs");
    assert_eq!(from("/etc/vm.toml", "../logs"), "/etc/../logs");
    assert_eq!(from("/etc/vm.toml", "/logs"), "/logs");
    assert_eq!(from("vm.toml", "logs"), "logs");
}
