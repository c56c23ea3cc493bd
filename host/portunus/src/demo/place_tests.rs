//! Tests of the folders.

use super::*;

#[test]
fn without_a_folder_to_keep_all_is_deleted() {
    let place = Place::new(None, "a = 1\n").unwrap();
    let config = place.config();
    assert_eq!(fs::read_to_string(&config).unwrap(), "a = 1\n");
    assert_eq!(config.parent(), place.socket().parent());
    drop(place);
    assert!(!config.parent().unwrap().exists());
}

#[test]
fn what_is_kept_stays_and_the_socket_lies_elsewhere() {
    let outer = TempDir::new().unwrap();
    let folder = outer.path().join("new/folder");
    let place = Place::new(Some(&folder), "").unwrap();
    assert!(!place.socket().starts_with(&folder));
    fs::write(folder.join(LOG_FILE), "a line\n").unwrap();
    assert_eq!(read_log(&place.log()).unwrap(), "a line\n");
    let temporary = place.socket().parent().unwrap().to_owned();
    drop(place);
    assert!(folder.join(LOG_FILE).exists() && folder.join(CONFIG_FILE).exists());
    assert!(!temporary.exists());
}

#[test]
fn a_folder_with_something_in_it_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("mine"), "").unwrap();
    let fault = Place::new(Some(folder.path()), "").unwrap_err();
    assert!(matches!(fault, PlaceFault::NotEmpty(_)), "{fault}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_log_that_was_never_written_is_empty() {
    let place = Place::new(None, "").unwrap();
    assert_eq!(read_log(&place.log()).unwrap(), "");
}
