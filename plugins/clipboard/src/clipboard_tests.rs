//! The plugin against a host, with the host's clock.

use portunus_plugin_sdk::testing::Host;
use portunus_plugin_sdk::{Client, SendError};

use super::*;
use crate::fake_agent::{VDAGENTD, announce, grab, read};

const GUEST: Channel = Channel::GUEST;
const CLIENT: Channel = Channel::from_id(1);

fn clipboard(host: &Host) -> Clipboard {
    Clipboard::new(host.start(r#"{"direction": "both"}"#)).unwrap()
}

fn connect(clipboard: &mut Clipboard) {
    let peer = Peer::Client(Client {
        pid: 1,
        uid: 2,
        gid: 3,
    });
    clipboard.on_open(CLIENT, peer, OpenReason::New);
}

/// An agent that has agreed, and a client.
fn shared(host: &Host) -> Clipboard {
    let mut clipboard = clipboard(host);
    clipboard.on_open(GUEST, Peer::Guest, OpenReason::New);
    host.deliver(&mut clipboard, GUEST, &announce(false, VDAGENTD));
    connect(&mut clipboard);
    host.take_received(GUEST);
    clipboard
}

#[test]
fn what_is_wrong_with_the_configuration_is_said() {
    let error = Clipboard::new(Host::new().start("{}")).err().unwrap();
    assert!(error.contains("direction"), "{error}");
}

#[test]
fn a_timer_is_set_for_what_is_due_and_its_time_is_kept() {
    let host = Host::new();
    let mut clipboard = shared(&host);
    host.deliver(&mut clipboard, GUEST, &grab(0, 0, &[1]));
    assert_eq!(host.take_timer(DUE), None);
    host.deliver(&mut clipboard, CLIENT, b"{\"do\":\"get\"}\n");
    let wait = host.take_timer(DUE).unwrap();
    assert_eq!(wait, Duration::from_secs(30));
    // Before its time nothing is done, and the rest of it is waited for.
    clipboard.on_timer(DUE);
    assert!(host.take_received(CLIENT).is_empty());
    assert!(host.take_timer(DUE).unwrap() <= wait);
}

#[test]
fn a_timer_for_what_is_no_more_due_is_cancelled() {
    let host = Host::new();
    let mut clipboard = shared(&host);
    host.deliver(&mut clipboard, GUEST, &grab(0, 0, &[1]));
    host.deliver(&mut clipboard, CLIENT, b"{\"do\":\"get\"}\n");
    clipboard.on_close(CLIENT, CloseReason::Closed);
    assert_eq!(host.take_timer(DUE), None);
}

#[test]
fn a_stop_tells_the_guest_and_waits_until_it_has_been_told() {
    let host = Host::new();
    let mut clipboard = shared(&host);
    host.make_room(GUEST, 0);
    clipboard.on_stop(Duration::from_secs(5));
    assert!(!host.is_stopped());
    host.make_room(GUEST, 1000);
    clipboard.on_writable(GUEST);
    assert!(host.is_stopped());
    let goodbye = (2, 13, vec![]);
    assert_eq!(read(&host.take_received(GUEST)), [goodbye]);
}

#[test]
fn a_stop_without_a_guest_is_done_at_once() {
    let host = Host::new();
    clipboard(&host).on_stop(Duration::from_secs(5));
    assert!(host.is_stopped());
    // As is one whose guest goes in the middle of it.
    let host = Host::new();
    let mut clipboard = shared(&host);
    host.make_room(GUEST, 0);
    clipboard.on_stop(Duration::from_secs(5));
    clipboard.on_close(GUEST, CloseReason::Lost("gone".into()));
    assert!(host.is_stopped());
}

#[test]
fn whoever_another_instance_served_begins_anew() {
    for why in [OpenReason::Restarted, OpenReason::Reloaded] {
        let host = Host::new();
        let mut clipboard = clipboard(&host);
        clipboard.on_open(GUEST, Peer::Guest, why.clone());
        clipboard.on_open(CLIENT, Peer::Other("?".into()), why);
        assert!(host.is_closed(GUEST) && host.is_closed(CLIENT));
        // The rest of what it was saying is taken, and means nothing.
        assert_eq!(host.deliver(&mut clipboard, GUEST, &[7; 100]), 100);
        assert_eq!(host.deliver(&mut clipboard, CLIENT, b"half\n"), 5);
        assert_eq!(host.counter("lost_sync") + host.counter("lines_bad"), 0);
    }
}

#[test]
fn a_guest_that_is_gone_is_not_waited_for() {
    let host = Host::new();
    let mut clipboard = shared(&host);
    host.break_channel(GUEST, SendError::NotOpen);
    clipboard.on_stop(Duration::from_secs(5));
    assert!(host.is_stopped());
}
