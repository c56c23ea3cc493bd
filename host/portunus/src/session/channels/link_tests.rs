//! What a connection tells of its other end.

use std::future::poll_fn;
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as BlockingStream;

use super::*;
use crate::session::port_rig::DEADLINE;

/// A link, and its other end as a host program has it.
fn pair() -> (Link, BlockingStream) {
    let (ours, theirs) = BlockingStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Link::Unix(UnixStream::from_std(ours).unwrap()), theirs)
}

async fn gone(link: &Link) {
    let gone = poll_fn(|context| link.poll_gone(context));
    tokio::time::timeout(DEADLINE, gone).await.expect("in time");
}

/// Fills the peer's socket and tells how many bytes that takes.
fn fill(link: &Link) -> usize {
    let piece = [0; 4096];
    let pieces = std::iter::from_fn(|| link.try_write(&piece).ok());
    pieces.sum()
}

#[tokio::test]
async fn an_end_of_what_is_sent_is_no_end_of_the_peer() {
    let (link, mut theirs) = pair();
    theirs.shutdown(Shutdown::Write).unwrap();
    poll_fn(|context| match link.is_readable(context) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
    assert_eq!(link.try_read(&mut [0; 8]).unwrap(), 0);
    // Looked at as often as one likes, it can still be written to.
    for _ in 0..3 {
        assert!(!link.is_gone());
        assert_eq!(link.try_write(b"x").unwrap(), 1);
    }
    let pending = poll_fn(|context| Poll::Ready(link.poll_gone(context))).await;
    assert!(pending.is_pending());
    let mut read = [0; 3];
    theirs.read_exact(&mut read).unwrap();
    drop(theirs);
    gone(&link).await;
}

#[tokio::test]
async fn a_peer_that_goes_while_nobody_looks_is_gone() {
    let (link, theirs) = pair();
    assert!(!link.is_gone());
    drop(theirs);
    gone(&link).await;
    let error = link.try_write(b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_full_socket_says_when_it_has_room() {
    let (link, mut theirs) = pair();
    // What was known is forgotten, and asked for anew.
    assert!(!link.is_gone());
    let filled = fill(&link);
    assert!(filled > 0);
    let full = poll_fn(|context| Poll::Ready(link.is_writable(context))).await;
    assert!(!full);
    let mut read = vec![0; filled];
    theirs.read_exact(&mut read).unwrap();
    let writable = poll_fn(|context| match link.is_writable(context) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    });
    tokio::time::timeout(DEADLINE, writable)
        .await
        .expect("room in time");
    assert!(fill(&link) > 0);
}

#[tokio::test]
async fn what_is_finished_can_still_be_read_from() {
    let (link, mut theirs) = pair();
    assert_eq!(link.try_write(b"all").unwrap(), 3);
    link.finish();
    let mut all = Vec::new();
    theirs.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"all");
    drop(theirs);
    gone(&link).await;
}
