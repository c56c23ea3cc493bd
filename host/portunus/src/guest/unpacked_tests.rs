//! Tests of what needs no packages.

use super::*;

#[test]
fn the_second_waits_for_the_first_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let first = lock(&path, &mut |step| panic!("{step}")).unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| lock(&path, &mut |step| told.send(step.clone()).unwrap()).unwrap());
        assert_eq!(heard.recv(), Ok(Progress::Waiting));
        drop(first);
    });
}

#[test]
fn packages_without_a_kernel_make_no_guest() {
    let root = tempfile::tempdir().unwrap();
    let set = PackageSet {
        name: "none",
        packages: &[],
        needed: &["usr", "usr/bin/linux.uml"],
    };
    fs::create_dir(root.path().join("usr")).unwrap();
    let fault = set.check(root.path()).unwrap_err();
    let missing = "usr/bin/linux.uml";
    assert!(
        matches!(fault, RootError::Incomplete { missing: found } if found == missing),
        "{fault}"
    );
}
