//! Whose a folder is, and whole files in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn folder_with(mode: u32) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
    folder
}

#[test]
fn what_is_made_is_for_this_user_alone() {
    let base = TempDir::new().unwrap();
    let path = base.path().join("a/b");
    let folder = PrivateFolder::open(&path).unwrap();
    folder.write("file", b"x").unwrap();
    assert_eq!(mode(&base.path().join("a")), 0o700);
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("file")), 0o600);
}

#[test]
fn a_folder_where_others_can_write_is_refused() {
    for mode in [0o770, 0o720, 0o702, 0o777, 0o1777] {
        let folder = folder_with(mode);
        let fault = PrivateFolder::open(folder.path()).unwrap_err();
        assert!(matches!(fault, FolderFault::NotPrivate { .. }), "{fault}");
        let words = format!("{mode:04o} lets others write");
        assert!(fault.to_string().contains(&words), "{fault}");
    }
    // To read is not to write.
    PrivateFolder::open(folder_with(0o755).path()).unwrap();
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let made = TempDir::new().unwrap();
    // Root's own where this is not root, and somebody's where it is.
    let path = if geteuid().is_root() {
        std::os::unix::fs::chown(made.path(), Some(12_345), None).unwrap();
        made.path()
    } else {
        Path::new("/")
    };
    let fault = PrivateFolder::open(path).unwrap_err();
    assert!(matches!(fault, FolderFault::NotPrivate { .. }), "{fault}");
    assert!(fault.to_string().contains("belongs to user"), "{fault}");
}

#[test]
fn what_cannot_be_a_folder_is_unavailable() {
    let base = TempDir::new().unwrap();
    let file = base.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [&file, &file.join("below")] {
        let fault = PrivateFolder::open(path).unwrap_err();
        assert!(matches!(fault, FolderFault::Unavailable { .. }), "{fault}");
    }
}

#[test]
fn a_file_is_read_whole_or_not_at_all() {
    let base = TempDir::new().unwrap();
    let folder = PrivateFolder::open(base.path()).unwrap();
    folder.write("file", b"abc").unwrap();
    folder.write("file", b"defg").unwrap();
    assert_eq!(folder.read("file", 4).unwrap(), b"defg");
    assert_eq!(
        folder.read("file", 3).unwrap_err().kind(),
        io::ErrorKind::FileTooLarge
    );
    assert_eq!(
        folder.read("none", 3).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    assert_eq!(folder.entries().unwrap().len(), 1);
}

#[test]
fn what_others_can_change_is_not_read() {
    let base = TempDir::new().unwrap();
    let folder = PrivateFolder::open(base.path()).unwrap();
    folder.write("file", b"abc").unwrap();
    symlink("file", base.path().join("link")).unwrap();
    fs::create_dir(base.path().join("folder")).unwrap();
    fs::set_permissions(base.path().join("file"), Permissions::from_mode(0o620)).unwrap();
    for name in ["file", "link", "folder"] {
        folder.read(name, 100).unwrap_err();
    }
}

#[test]
fn a_folder_that_is_gone_is_an_error_and_nothing_more() {
    let base = TempDir::new().unwrap();
    let folder = PrivateFolder::open(base.path()).unwrap();
    base.close().unwrap();
    folder.write("file", b"abc").unwrap_err();
    folder.read("file", 3).unwrap_err();
    folder.remove("file").unwrap();
    assert!(folder.entries().unwrap().is_empty());
}
