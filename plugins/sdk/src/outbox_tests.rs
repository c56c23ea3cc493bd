//! Tests of `outbox.rs`.

use proptest::prelude::*;

use super::*;
use crate::testing::Host;

const CHANNEL: Channel = Channel::from_id(7);

#[test]
fn what_fits_the_channel_is_not_kept() {
    let host = Host::new();
    let mut outbox = Outbox::new(CHANNEL, 0);
    assert_eq!(outbox.send(b"hello"), Ok(5));
    assert!(outbox.is_empty());
    assert_eq!(host.take_received(CHANNEL), b"hello");
}

#[test]
fn what_the_channel_does_not_take_is_kept_up_to_the_bound() {
    let host = Host::new();
    host.make_room(CHANNEL, 2);
    let mut outbox = Outbox::new(CHANNEL, 4);
    assert_eq!(outbox.send(b"0123456789"), Ok(6));
    assert_eq!(outbox.room(), 0);
    assert_eq!(outbox.save().as_deref(), Some(&b"2345"[..]));
    host.make_room(CHANNEL, 3);
    assert_eq!(outbox.flush(), Ok(false));
    assert_eq!(host.take_received(CHANNEL), b"01234");
}

#[test]
fn an_error_of_the_channel_leaves_what_waits() {
    let host = Host::new();
    host.make_room(CHANNEL, 0);
    let mut outbox = Outbox::new(CHANNEL, 4);
    assert_eq!(outbox.send(b"abc"), Ok(3));
    host.break_channel(CHANNEL, SendError::NotOpen);
    assert_eq!(outbox.send(b"d"), Err(SendError::NotOpen));
    assert_eq!(outbox.save().as_deref(), Some(&b"abc"[..]));
}

#[test]
fn what_was_saved_goes_first() {
    let host = Host::new();
    let mut outbox = Outbox::new(CHANNEL, 4);
    outbox.restore(Some(b"older ".to_vec()));
    assert_eq!(outbox.send(b"newer"), Ok(5));
    assert_eq!(host.take_received(CHANNEL), b"older newer");
}

proptest! {
    #[test]
    fn bytes_arrive_once_and_in_order(
        data in proptest::collection::vec(any::<u8>(), 0..500),
        bound in 1_usize..40,
        rooms in proptest::collection::vec(1_usize..60, 1..20),
    ) {
        let host = Host::new();
        let mut outbox = Outbox::new(CHANNEL, bound);
        let mut rest = data.as_slice();
        let mut rooms = rooms.iter().cycle();
        host.make_room(CHANNEL, 0);
        while !rest.is_empty() || !outbox.is_empty() {
            let certain = outbox.room().min(rest.len());
            let taken = outbox.send(rest).unwrap();
            prop_assert!(taken >= certain);
            prop_assert!(outbox.save().map_or(0, |waiting| waiting.len()) <= bound);
            rest = &rest[taken..];
            host.make_room(CHANNEL, *rooms.next().unwrap());
            outbox.flush().unwrap();
        }
        prop_assert_eq!(host.take_received(CHANNEL), data);
    }
}
