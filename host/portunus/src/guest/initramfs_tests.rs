//! Tests of the archive, by a reader that is not ours.

use std::io::Read;
use std::os::unix::fs::symlink;

use super::*;

/// Each entry: name, mode, contents.
fn read(archive: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let mut entries = Vec::new();
    let mut rest = archive;
    loop {
        let mut reader = newc::Reader::new(rest).unwrap();
        if reader.entry().is_trailer() {
            return entries;
        }
        let (name, mode) = (reader.entry().name().to_owned(), reader.entry().mode());
        let mut contents = Vec::new();
        reader.read_to_end(&mut contents).unwrap();
        entries.push((name, mode, contents));
        rest = reader.finish().unwrap();
    }
}

#[test]
fn what_is_added_is_in_the_archive_in_that_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rd");
    let mut made = Initramfs::create(&path).unwrap();
    made.folder("bin").unwrap();
    made.file("bin/tool", 0o100_755, b"text").unwrap();
    made.link("init", Path::new("bin/tool")).unwrap();
    made.finish().unwrap();
    let entries = [
        ("bin".to_owned(), 0o040_755, Vec::new()),
        ("bin/tool".to_owned(), 0o100_755, b"text".to_vec()),
        ("init".to_owned(), 0o120_777, b"bin/tool".to_vec()),
    ];
    assert_eq!(read(&fs::read(path).unwrap()), entries);
}

#[test]
fn a_tree_comes_with_its_links_and_without_what_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("usr/doc")).unwrap();
    fs::write(root.join("usr/doc/long"), "words").unwrap();
    symlink("usr", root.join("lib")).unwrap();
    let path = folder.path().join("rd");
    let mut made = Initramfs::create(&path).unwrap();
    made.tree(&root, &|name| name == Path::new("usr/doc"))
        .unwrap();
    made.finish().unwrap();
    let mut entries = read(&fs::read(path).unwrap());
    entries.sort();
    let expected = [
        ("lib".to_owned(), 0o120_777, b"usr".to_vec()),
        ("usr".to_owned(), 0o040_755, Vec::new()),
    ];
    assert_eq!(entries, expected);
}

#[test]
fn a_file_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = Initramfs::create(&folder.path().join("rd")).unwrap();
    let missing = folder.path().join("none");
    let fault = made.copy("none", &missing).unwrap_err().to_string();
    assert!(fault.contains(missing.to_str().unwrap()), "{fault}");
}
