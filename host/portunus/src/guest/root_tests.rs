//! Tests of the root folder's parts that need no packages.

use super::*;

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
