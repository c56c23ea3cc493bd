//! Tests of the root folder's parts that need no packages.

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
    let fault = complete(root.path()).unwrap_err();
    assert!(
        matches!(fault, RootError::Incomplete { missing: KERNEL }),
        "{fault}"
    );
}

#[test]
fn init_is_brought_up_to_date() {
    let root = tempfile::tempdir().unwrap();
    let init = root.path().join("init");
    fs::write(&init, "an older one").unwrap();
    put_init(root.path()).unwrap();
    assert_eq!(fs::read_to_string(&init).unwrap(), INIT);
    assert_eq!(
        fs::metadata(&init).unwrap().permissions().mode() & 0o777,
        0o755
    );
}
