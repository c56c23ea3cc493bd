//! One channel and its peer, without a plugin.

use std::future::poll_fn;
use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream as BlockingStream;
use std::task::Poll;

use tokio::net::UnixStream;

use super::*;
use crate::session::counters::get;
use crate::session::port_rig::DEADLINE;

const BUFFER: usize = 8 << 10;

/// A channel that its plugin knows of, and its other end.
fn opened() -> (Channel, BlockingStream, PeerCounters) {
    let (ours, theirs) = BlockingStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let link = Link::Unix(UnixStream::from_std(ours).unwrap());
    let mut channel = Channel::new(Peer::Target("a".into()), link, BUFFER);
    assert!(channel.is_unasked());
    assert_eq!(channel.take_open(), Some(OpenReason::New));
    (channel, theirs, PeerCounters::default())
}

/// Sends until nothing more is taken, and tells how many bytes were.
fn fill(channel: &mut Channel, counters: &PeerCounters) -> usize {
    let piece = [b'x'; 4096];
    let taken = std::iter::from_fn(|| {
        channel
            .send(&piece, counters)
            .ok()
            .filter(|taken| *taken > 0)
    });
    taken.sum()
}

async fn ready(channel: &mut Channel, counters: &PeerCounters) {
    let ready = poll_fn(|context| match channel.poll(context, true, counters) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    });
    tokio::time::timeout(DEADLINE, ready)
        .await
        .expect("in time");
}

#[tokio::test]
async fn what_waits_goes_when_the_peer_reads_and_the_plugin_is_told_of_room() {
    let (mut channel, mut theirs, counters) = opened();
    let taken = fill(&mut channel, &counters);
    let waits = taken - usize::try_from(get(&counters.to_bytes)).unwrap();
    assert_eq!(waits, BUFFER);
    assert!(!channel.take_writable());
    let mut read = vec![0; taken];
    let reader = std::thread::spawn(move || theirs.read_exact(&mut read).map(|()| theirs));
    while !channel.take_writable() {
        ready(&mut channel, &counters).await;
    }
    assert!(!channel.take_writable(), "it is told once");
    while get(&counters.to_bytes) < u64::try_from(taken).unwrap() {
        ready(&mut channel, &counters).await;
    }
    let _theirs = reader.join().unwrap().unwrap();
    assert_eq!(usize::try_from(get(&counters.to_bytes)).unwrap(), taken);
}

#[tokio::test]
async fn a_peer_that_is_gone_takes_nothing_and_what_waits_is_counted() {
    let (mut channel, theirs, counters) = opened();
    drop(theirs);
    // More than half of what may wait.
    let sent = channel.send(&[b'x'; BUFFER], &counters);
    assert_eq!(sent, Err(SendError::NotOpen));
    assert_eq!(get(&counters.unread_bytes), 0);

    let (mut channel, theirs, counters) = opened();
    fill(&mut channel, &counters);
    drop(theirs);
    while !channel.take_writable() {
        ready(&mut channel, &counters).await;
    }
    assert_eq!(get(&counters.unread_bytes), 8 << 10);
    assert_eq!(channel.send(b"x", &counters), Err(SendError::NotOpen));
}

#[tokio::test]
async fn bytes_that_are_put_back_come_first_and_wait_for_the_resume() {
    let (mut channel, mut theirs, counters) = opened();
    std::io::Write::write_all(&mut theirs, b"hello").unwrap();
    ready(&mut channel, &counters).await;
    let mut into = [0; 16];
    assert_eq!(channel.read(&mut into), 5);
    channel.put_back(b"llo");
    drop(theirs);
    assert_eq!(channel.read(&mut into), 0);
    assert!(!channel.take_end());
    channel.order(ChannelOrder::Resume, &counters);
    assert_eq!(channel.read(&mut into), 3);
    assert_eq!(&into[..3], b"llo");
    assert_eq!(channel.read(&mut into), 0);
    assert!(channel.take_end());
    assert_eq!(channel.close_due(), Some(CloseReason::Closed));
}

#[tokio::test]
async fn room_at_a_peer_that_has_said_all_is_not_forgotten_by_asking_whether_it_went() {
    let (mut channel, mut theirs, counters) = opened();
    theirs.shutdown(Shutdown::Write).unwrap();
    ready(&mut channel, &counters).await;
    assert_eq!(channel.read(&mut [0; 16]), 0);
    assert!(channel.take_end());
    let taken = fill(&mut channel, &counters);
    let in_its_socket = usize::try_from(get(&counters.to_bytes)).unwrap();
    theirs.read_exact(&mut vec![0; in_its_socket]).unwrap();
    let room = poll_fn(|context| match channel.link.is_writable(context) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    });
    tokio::time::timeout(DEADLINE, room).await.expect("in time");
    assert_eq!(channel.close_due(), None);
    ready(&mut channel, &counters).await;
    assert_eq!(usize::try_from(get(&counters.to_bytes)).unwrap(), taken);
}

#[tokio::test]
async fn a_peer_that_never_reads_does_not_hold_a_close_up_for_ever() {
    let (mut channel, _theirs, counters) = opened();
    fill(&mut channel, &counters);
    assert_eq!(channel.close_by(), None);
    channel.order(ChannelOrder::Close, &counters);
    let close_by = channel.close_by().unwrap();
    // A second close does not put it off.
    channel.order(ChannelOrder::Close, &counters);
    assert_eq!(channel.close_by(), Some(close_by));
    assert_eq!(channel.close_due(), None);

    channel.expire(close_by);
    ready(&mut channel, &counters).await;
    assert_eq!(channel.close_due(), Some(CloseReason::Closed));
    assert_eq!(channel.close_by(), None, "nobody is woken for it again");
    assert_eq!(get(&counters.unread_bytes), 8 << 10);
}
