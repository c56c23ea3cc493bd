use super::*;

#[tokio::test]
async fn the_path_comes_and_goes_with_the_listener() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("port.sock");
    let listener = Listener::bind(&path).unwrap();
    BlockingStream::connect(&path).unwrap();
    assert!(matches!(Listener::bind(&path), Err(SocketFault::InUse(_))));
    drop(listener);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("port.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    Listener::bind(&path).unwrap();
}

#[tokio::test]
async fn a_file_in_the_way_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("port.sock");
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(
        Listener::bind(&path),
        Err(SocketFault::NotASocket(_))
    ));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

#[tokio::test]
async fn a_path_that_cannot_be_is_told_with_its_cause() {
    let error = Listener::bind(Path::new("/nonexistent/port.sock")).unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/port.sock"),
        "{error}"
    );
}
