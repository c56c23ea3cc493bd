//! The plugin against a host of a test's own.

use portunus_plugin_sdk::testing::Host;
use proptest::prelude::*;

use super::*;

const GUEST: Channel = Channel::GUEST;
const FIRST: Channel = Channel::from_id(1);
const SECOND: Channel = Channel::from_id(2);
const CONFIG: &str = r#"{"target": "broker"}"#;

fn relay(host: &Host) -> Relay {
    host.grant_target("broker");
    Relay::new(host.start(CONFIG)).unwrap()
}

fn open_guest(relay: &mut Relay) {
    relay.on_open(GUEST, Peer::Guest, OpenReason::New);
}

fn open_target(relay: &mut Relay, channel: Channel) {
    relay.on_open(channel, Peer::Target("broker".into()), OpenReason::New);
}

/// A relay whose guest is connected, by channel 1.
fn connected(host: &Host) -> Relay {
    let mut relay = relay(host);
    open_guest(&mut relay);
    open_target(&mut relay, FIRST);
    relay
}

#[test]
fn bytes_go_both_ways_once_the_target_answers_and_wait_until_then() {
    let host = Host::new();
    let mut relay = relay(&host);
    open_guest(&mut relay);
    assert_eq!(host.deliver(&mut relay, GUEST, b"early"), 0);
    assert!(host.is_paused(GUEST));
    open_target(&mut relay, FIRST);
    assert!(!host.is_paused(GUEST));
    assert_eq!(host.deliver(&mut relay, GUEST, b"early"), 5);
    assert_eq!(host.take_received(FIRST), b"early");
    assert_eq!(host.deliver(&mut relay, FIRST, b"answer"), 6);
    assert_eq!(host.take_received(GUEST), b"answer");
    assert_eq!(host.counter("connections"), 1);
}

#[test]
fn what_one_side_does_not_take_waits_with_the_other() {
    let host = Host::new();
    let mut relay = connected(&host);
    for (from, to) in [(GUEST, FIRST), (FIRST, GUEST)] {
        host.make_room(to, 3);
        assert_eq!(host.deliver(&mut relay, from, b"hello"), 3);
        assert!(host.is_paused(from));
        host.make_room(to, 10);
        relay.on_writable(to);
        assert!(!host.is_paused(from));
        assert_eq!(host.deliver(&mut relay, from, b"lo"), 2);
        assert_eq!(host.take_received(to), b"hello");
    }
}

#[test]
fn a_guest_that_closes_is_told_to_its_target_which_may_read_to_the_end() {
    let host = Host::new();
    let mut relay = connected(&host);
    host.make_room(GUEST, 0);
    assert_eq!(host.deliver(&mut relay, FIRST, b"late"), 0);
    relay.on_close(GUEST, CloseReason::Closed);
    assert!(host.is_finished(FIRST) && !host.is_closed(FIRST));
    // It is not held up by a guest that is gone, and its words are counted.
    assert!(!host.is_paused(FIRST));
    assert_eq!(host.deliver(&mut relay, FIRST, b"late"), 4);
    assert_eq!(host.counter("bytes_dropped"), 4);
    relay.on_end(FIRST);
    assert!(host.is_closed(FIRST));
    assert_eq!(host.take_timer(1), None);
}

#[test]
fn a_target_that_ends_or_goes_is_told_to_the_guest_as_a_close() {
    let ends: [fn(&mut Relay); 2] = [
        |relay| relay.on_end(FIRST),
        |relay| relay.on_close(FIRST, CloseReason::Lost("reset".into())),
    ];
    for end in ends {
        let host = Host::new();
        let mut relay = connected(&host);
        host.deliver(&mut relay, FIRST, b"bye");
        end(&mut relay);
        assert!(host.is_closed(GUEST) && !host.is_paused(GUEST));
        assert_eq!(host.take_received(GUEST), b"bye");
        relay.on_close(GUEST, CloseReason::Closed);
        relay.on_close(FIRST, CloseReason::Closed);
        assert_eq!(relay.connections.leaving.len(), 0);
    }
}

#[test]
fn a_target_that_sends_no_more_still_has_what_the_guest_had_written() {
    let host = Host::new();
    let mut relay = connected(&host);
    relay.on_end(FIRST);
    assert_eq!(host.deliver(&mut relay, GUEST, b"last"), 4);
    assert_eq!(host.take_received(FIRST), b"last");
    relay.on_close(GUEST, CloseReason::Closed);
    assert!(host.is_closed(FIRST));
}

#[test]
fn each_opening_has_a_connection_of_its_own() {
    let host = Host::new();
    let mut relay = connected(&host);
    relay.on_close(GUEST, CloseReason::Closed);
    host.reopen(GUEST);
    open_guest(&mut relay);
    open_target(&mut relay, SECOND);
    // What the first connection's target still says is for nobody.
    assert_eq!(host.deliver(&mut relay, FIRST, b"old"), 3);
    assert_eq!(host.deliver(&mut relay, SECOND, b"new"), 3);
    assert_eq!(host.take_received(GUEST), b"new");
    host.deliver(&mut relay, GUEST, b"words");
    assert_eq!(host.take_received(SECOND), b"words");
    assert_eq!(host.take_received(FIRST), b"");
    // Its end is none of the second's.
    relay.on_close(FIRST, CloseReason::Closed);
    assert!(!host.is_closed(GUEST));
}

#[test]
fn a_target_that_cannot_be_reached_closes_the_guest_s_port_and_is_said() {
    let host = Host::new();
    let mut relay = relay(&host);
    open_guest(&mut relay);
    host.deliver(&mut relay, GUEST, b"words");
    relay.on_close(FIRST, CloseReason::Refused("nobody listens".into()));
    assert!(host.is_closed(GUEST) && !host.is_paused(GUEST));
    let said = host.take_log();
    assert_eq!(said[0].0, log::Level::Warn);
    assert_eq!(
        said[0].1,
        "target `broker` cannot be reached: nobody listens"
    );
    assert_eq!(host.counter("connections_refused"), 1);
    // What it had written goes nowhere, and is counted.
    assert_eq!(host.deliver(&mut relay, GUEST, b"words"), 5);
    assert_eq!(host.counter("bytes_dropped"), 5);
    // The guest may try again.
    relay.on_close(GUEST, CloseReason::Closed);
    host.reopen(GUEST);
    open_guest(&mut relay);
    open_target(&mut relay, SECOND);
    assert_eq!(host.deliver(&mut relay, GUEST, b"again"), 5);
    assert_eq!(host.take_received(SECOND), b"again");
}

#[test]
fn a_target_that_is_not_granted_is_the_configurations_fault_and_said() {
    let host = Host::new();
    let mut relay = Relay::new(host.start(CONFIG)).unwrap();
    open_guest(&mut relay);
    assert!(host.is_closed(GUEST));
    let said = host.take_log();
    assert!(said[0].1.contains("grant.connect"), "{said:?}");
    for (config, words) in [(r"{}", "target"), (r#"{"target": ""}"#, "config.target")] {
        let error = Relay::new(host.start(config)).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_guest_that_closes_before_its_target_answers_leaves_no_connection() {
    let host = Host::new();
    let mut relay = relay(&host);
    open_guest(&mut relay);
    relay.on_close(GUEST, CloseReason::Closed);
    assert!(host.is_closed(FIRST));
    relay.on_close(FIRST, CloseReason::Closed);
    assert!(relay.connections.leaving.is_empty());
}

#[test]
fn a_target_that_does_not_end_is_closed_after_a_time() {
    let host = Host::new();
    let mut relay = connected(&host);
    relay.on_close(GUEST, CloseReason::Closed);
    assert_eq!(host.take_timer(1), Some(LEAVE));
    relay.on_timer(1);
    assert!(host.is_closed(FIRST));
    relay.on_close(FIRST, CloseReason::Closed);
    assert!(relay.connections.leaving.is_empty());
}

#[test]
fn connections_without_their_guest_are_bounded() {
    let host = Host::new();
    let mut relay = relay(&host);
    for id in 1..=MAX_LEAVING as u64 + 2 {
        host.reopen(GUEST);
        open_guest(&mut relay);
        open_target(&mut relay, Channel::from_id(id));
        relay.on_close(GUEST, CloseReason::Closed);
    }
    assert!(host.is_closed(FIRST) && host.is_closed(SECOND));
    assert!(!host.is_closed(Channel::from_id(3)));
    assert!(host.take_timer(1).is_none() && host.take_timer(3).is_some());
}

#[test]
fn a_connection_without_its_guest_makes_room_for_one_that_is_wanted() {
    let host = Host::new();
    let mut relay = relay(&host);
    host.allow_connects(1);
    open_guest(&mut relay);
    open_target(&mut relay, FIRST);
    relay.on_close(GUEST, CloseReason::Closed);
    host.reopen(GUEST);
    open_guest(&mut relay);
    assert!(host.is_closed(FIRST) && !host.is_closed(GUEST));
    assert_eq!(host.deliver(&mut relay, GUEST, b"words"), 0);
    host.allow_connects(1);
    relay.on_close(FIRST, CloseReason::Closed);
    open_target(&mut relay, SECOND);
    assert_eq!(host.deliver(&mut relay, GUEST, b"words"), 5);
    assert_eq!(host.take_received(SECOND), b"words");
}

#[test]
fn where_others_have_all_connections_the_guest_is_refused_and_that_is_said() {
    let host = Host::new();
    let mut relay = relay(&host);
    host.allow_connects(0);
    open_guest(&mut relay);
    assert!(host.is_closed(GUEST));
    let said = host.take_log();
    assert!(said[0].1.contains("limits"), "{said:?}");
    assert_eq!(host.counter("connections_refused"), 1);
}

#[test]
fn a_reload_goes_on_with_the_connection() {
    let host = Host::new();
    let mut first = connected(&host);
    first.on_close(GUEST, CloseReason::Closed);
    open_guest(&mut first);
    open_target(&mut first, SECOND);
    let mut start = host.start(CONFIG);
    start.saved = first.save();
    let mut relay = Relay::new(start).unwrap();
    relay.on_open(GUEST, Peer::Guest, OpenReason::Reloaded);
    for channel in [FIRST, SECOND] {
        relay.on_open(channel, Peer::Target("broker".into()), OpenReason::Reloaded);
        assert!(!host.is_closed(channel));
    }
    host.deliver(&mut relay, GUEST, b"words");
    assert_eq!(host.take_received(SECOND), b"words");
    relay.on_timer(1);
    assert!(host.is_closed(FIRST) && !host.is_closed(SECOND));
}

#[test]
fn after_a_failure_a_stream_that_may_have_a_hole_is_ended_on_both_sides() {
    let host = Host::new();
    let mut relay = relay(&host);
    relay.on_open(GUEST, Peer::Guest, OpenReason::Restarted);
    relay.on_open(FIRST, Peer::Target("broker".into()), OpenReason::Restarted);
    assert!(host.is_closed(GUEST) && host.is_closed(FIRST));
}

#[test]
fn a_host_program_is_sent_away() {
    let host = Host::new();
    let mut relay = connected(&host);
    relay.on_open(SECOND, Peer::Other("client".into()), OpenReason::New);
    assert!(host.is_closed(SECOND));
}

proptest! {
    #[test]
    fn every_byte_arrives_once_and_in_order_however_little_room_there_is(
        pieces in proptest::collection::vec((any::<bool>(), 1_usize..40, 0_usize..30), 1..40),
    ) {
        let host = Host::new();
        let mut relay = connected(&host);
        let mut next: u8 = 0;
        let mut sent = [Vec::new(), Vec::new()];
        let mut waiting = [Vec::new(), Vec::new()];
        for (back, length, room) in pieces {
            let (side, from, to) = if back { (1, FIRST, GUEST) } else { (0, GUEST, FIRST) };
            let piece: Vec<u8> = (0..length).map(|_| { next = next.wrapping_add(1); next }).collect();
            sent[side].extend_from_slice(&piece);
            waiting[side].extend(piece);
            host.make_room(to, room);
            relay.on_writable(to);
            let taken = host.deliver(&mut relay, from, &waiting[side]);
            waiting[side].drain(..taken);
        }
        for (side, from, to) in [(0, GUEST, FIRST), (1, FIRST, GUEST)] {
            host.make_room(to, 10_000);
            relay.on_writable(to);
            host.deliver(&mut relay, from, &waiting[side]);
            prop_assert_eq!(host.take_received(to), sent[side].clone());
        }
    }
}
