//! A port's socket, made or passed in.

use std::os::unix::net::UnixStream;
use std::path::Path;

use super::*;
use crate::config::{LoadNothing, Source, read};

fn spec(listen: &str) -> ListenSpec {
    let text = format!("[[port]]\nname = \"a\"\nplugin = \"echo\"\nlisten = {listen}\n");
    let loaded = read(Source::new("demo.toml", text), &mut LoadNothing).unwrap();
    loaded.spec.ports[0].listen.clone().unwrap()
}

fn passed(names: &[&str], folder: &Path) -> PassedSockets {
    let mut sockets = PassedSockets::default();
    for (number, name) in names.iter().enumerate() {
        let socket = BlockingListener::bind(folder.join(number.to_string())).unwrap();
        sockets
            .0
            .entry((*name).to_owned())
            .or_default()
            .push(socket);
    }
    sockets
}

#[tokio::test]
async fn a_path_goes_with_what_is_returned_beside_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("a.sock");
    let table = format!("{{ path = {at:?}, clients = 3, buffer = \"8KiB\" }}");
    let mut none = PassedSockets::default();
    let (listen, path) = super::listen(&spec(&table), &mut none).unwrap();
    assert_eq!((listen.clients, listen.buffer_bytes), (3, 8 << 10));
    let _client = UnixStream::connect(&at).unwrap();
    listen.socket.accept().await.unwrap();
    assert!(at.exists());
    drop(path);
    assert!(!at.exists());
}

#[tokio::test]
async fn a_socket_that_another_program_has_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("a.sock");
    let _theirs = BlockingListener::bind(&at).unwrap();
    let fault = super::listen(&spec(&format!("{at:?}")), &mut PassedSockets::default());
    let fault = fault.unwrap_err();
    assert!(
        fault
            .what
            .ends_with("another program listens on this socket"),
        "{}",
        fault.what
    );
    assert_eq!(fault.help, "stop it or name another path");
    assert_eq!(fault.labels.len(), 1);
    UnixStream::connect(&at).unwrap();
}

#[tokio::test]
async fn a_passed_socket_is_taken_by_its_name_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut sockets = passed(&["agent", "clip"], folder.path());
    let clip = spec("{ fd = \"clip\" }");
    let (listen, path) = super::listen(&clip, &mut sockets).unwrap();
    assert!(path.is_none(), "it is not ours to remove");
    let _client = UnixStream::connect(folder.path().join("1")).unwrap();
    listen.socket.accept().await.unwrap();
    assert_eq!(sockets.names(), ["agent"]);
    let fault = super::listen(&clip, &mut sockets).unwrap_err();
    assert_eq!(fault.what, "no socket of the name `clip` was passed in");
    assert_eq!(fault.help, "what was passed in has the names `agent`");
}

#[tokio::test]
async fn a_program_that_was_passed_nothing_is_told_how_to_be() {
    let mut none = PassedSockets::default();
    let fault = super::listen(&spec("{ fd = \"agent\" }"), &mut none).unwrap_err();
    assert!(fault.help.contains("socket unit"), "{}", fault.help);
}
