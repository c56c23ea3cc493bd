use std::fs;

use super::super::source::Span;
use super::*;

fn told(path: PathBuf) -> Option<(String, String)> {
    let located = Located {
        value: path,
        span: Span::default(),
    };
    fault(&located).map(|fault| (fault.what, fault.help))
}

#[test]
fn a_path_that_can_be_a_socket_is_fine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.sock");
    assert_eq!(told(path.clone()), None);
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert_eq!(told(path), None);
    assert_eq!(told("metrics.sock".into()), None);
}

#[test]
fn a_directory_that_is_missing_or_none_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let shown = dir.path().display();
    let (what, help) = told(dir.path().join("run/metrics.sock")).unwrap();
    assert_eq!(what, format!("the directory `{shown}/run` does not exist"));
    assert_eq!(help, format!("create it: mkdir -p '{shown}/run'"));
    fs::write(dir.path().join("run"), "").unwrap();
    let (what, _) = told(dir.path().join("run/metrics.sock")).unwrap();
    assert_eq!(what, format!("`{shown}/run` is no directory"));
}

#[test]
fn a_file_in_the_way_is_told_even_through_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    let (what, _) = told(file.clone()).unwrap();
    assert_eq!(
        what,
        format!("`{}` exists and is not a socket", file.display())
    );
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(told(link).is_some());
}

#[test]
fn a_path_may_have_107_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let longest = "s".repeat(107 - dir.path().as_os_str().len() - 1);
    assert_eq!(told(dir.path().join(&longest)), None);
    let (what, help) = told(dir.path().join(longest + "s")).unwrap();
    assert_eq!(what, "the socket's path has 108 bytes");
    assert_eq!(
        help,
        "write at most 107 bytes: no Unix socket has a longer path"
    );
}
