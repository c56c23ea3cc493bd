//! The plugin against a host that is as slow as it likes.

use portunus_plugin_sdk::testing::Host;
use portunus_plugin_sdk::{Channel, Plugin, SendError};
use proptest::prelude::*;

use super::Echo;

fn echo(host: &Host) -> Echo {
    Echo::new(host.start("{}")).unwrap()
}

#[test]
fn what_comes_goes_back_on_the_same_channel() {
    let host = Host::new();
    let mut echo = echo(&host);
    let client = Channel::from_id(3);
    assert_eq!(host.deliver(&mut echo, client, b"hello"), 5);
    assert_eq!(host.take_received(client), b"hello");
    assert!(host.take_received(Channel::GUEST).is_empty());
}

#[test]
fn an_end_is_sent_back_too() {
    let host = Host::new();
    let client = Channel::from_id(3);
    echo(&host).on_end(client);
    assert_eq!(client.send(b"more"), Err(SendError::Finished));
}

#[test]
fn bytes_of_one_who_is_gone_are_taken() {
    let host = Host::new();
    host.break_channel(Channel::GUEST, SendError::NotOpen);
    assert_eq!(host.deliver(&mut echo(&host), Channel::GUEST, b"hello"), 5);
}

#[test]
fn any_configuration_is_refused_by_its_key() {
    let host = Host::new();
    let error = Echo::new(host.start(r#"{"loud": true}"#)).err().unwrap();
    assert!(error.contains("loud"), "{error}");
}

proptest! {
    #[test]
    fn every_byte_comes_back_once_whatever_the_room(
        data in proptest::collection::vec(any::<u8>(), 0..2000),
        rooms in proptest::collection::vec(1_usize..300, 1..20),
    ) {
        let host = Host::new();
        let mut echo = echo(&host);
        let mut rest = data.as_slice();
        let mut rooms = rooms.iter().cycle();
        host.make_room(Channel::GUEST, 0);
        while !rest.is_empty() {
            rest = &rest[host.deliver(&mut echo, Channel::GUEST, rest)..];
            host.make_room(Channel::GUEST, *rooms.next().unwrap());
            echo.on_writable(Channel::GUEST);
        }
        prop_assert_eq!(host.take_received(Channel::GUEST), data);
    }
}
