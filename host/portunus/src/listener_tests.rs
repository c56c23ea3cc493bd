use super::*;

#[tokio::test]
async fn the_path_comes_and_goes_with_the_listener() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("port.sock");
    let listener = Listener::bind(&path, Access::Umask).unwrap();
    BlockingStream::connect(&path).unwrap();
    assert!(matches!(
        Listener::bind(&path, Access::Umask),
        Err(SocketFault::InUse(_))
    ));
    drop(listener);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("port.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    Listener::bind(&path, Access::Umask).unwrap();
}

#[tokio::test]
async fn a_file_in_the_way_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("port.sock");
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(
        Listener::bind(&path, Access::Umask),
        Err(SocketFault::NotASocket(_))
    ));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

#[tokio::test]
async fn a_path_that_cannot_be_is_told_with_its_cause() {
    let error = Listener::bind(Path::new("/nonexistent/port.sock"), Access::Umask).unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/port.sock"),
        "{error}"
    );
}

#[tokio::test]
async fn a_private_socket_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("port.sock");
    let _listener = Listener::bind(&path, Access::Owner).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_longest_path_that_a_socket_can_have_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let name = "s".repeat(MAX_PATH_BYTES - dir.path().as_os_str().len() - 1);
    let path = dir.path().join(&name);
    let listener = Listener::bind(&path, Access::Owner).unwrap();
    BlockingStream::connect(&path).unwrap();
    drop(listener);
    let longer = dir.path().join(name + "s");
    let error = Listener::bind(&longer, Access::Owner).unwrap_err();
    assert!(matches!(error, SocketFault::System { .. }), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_socket_has_the_permissions_and_the_owners_that_are_asked_for() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("port.sock");
    let ours = std::fs::metadata(dir.path()).unwrap();
    // To give it to somebody else takes a privilege that tests may not have.
    let access = Access::By {
        mode: 0o640,
        owner: Some(ours.uid()),
        group: Some(rustix::process::getegid().as_raw()),
    };
    let _listener = Listener::bind(&path, access).unwrap();
    let made = std::fs::metadata(&path).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o640);
    assert_eq!(made.uid(), ours.uid());
    assert_eq!(made.gid(), rustix::process::getegid().as_raw());
}
