//! What is refused, by whom, and what it leaves as it was.

use super::*;

#[test]
fn refusals_are_told_to_the_session() {
    let mut handshake = with_port_one();
    say_all(&mut handshake);
    let refused = GuestMessage::PortReady {
        id: 1,
        ready: false,
    };
    let answer = hear(&mut handshake, refused);
    assert_eq!(answer, Ok(Some(GuestEvent::PortRefused(port(1)))));
    assert_eq!(say_all(&mut handshake), []);

    let answer = hear(&mut handshake, GuestMessage::DeviceReady(false));
    assert_eq!(answer, Ok(Some(GuestEvent::DeviceRefused)));
    handshake.add_port(port(2), profile("two")).expect("free");
    assert_eq!(
        say_all(&mut handshake),
        [],
        "a driver that failed hears nothing"
    );
}

#[test]
fn nonsense_is_named_and_changes_nothing() {
    let mut handshake = with_port_one();
    say_all(&mut handshake);
    hear(&mut handshake, port_ready(1)).expect("a port");
    say_all(&mut handshake);
    let id = port(1);

    assert_eq!(
        hear(&mut handshake, closes(1)),
        Err(ControlFault::NotOpen { id })
    );
    hear(&mut handshake, opens(1)).expect("closed before");
    assert_eq!(
        hear(&mut handshake, opens(1)),
        Err(ControlFault::AlreadyOpen { id })
    );
    for id in [31, 32_766, 65_537, u32::MAX] {
        let unknown = Err(ControlFault::UnknownPort { id });
        assert_eq!(hear(&mut handshake, opens(id)), unknown);
        assert_eq!(hear(&mut handshake, port_ready(id)), unknown);
    }
    let short = handshake.receive(&[0; 7]);
    assert_eq!(short, Err(ControlFault::TooShort { length: 7 }));
    assert!(handshake.is_guest_open(port(1)));
    assert_eq!(say_all(&mut handshake), []);
}

#[test]
fn the_host_cannot_add_what_does_not_fit() {
    let mut handshake = with_port_one();
    let again = handshake.add_port(port(1), profile("again"));
    assert_eq!(again, Err(AddPortError::Taken(port(1))));
    let far = handshake.add_port(port(31), profile("far"));
    let max_ports = MaxPorts::default();
    let id = port(31);
    assert_eq!(far, Err(AddPortError::OutOfRange { id, max_ports }));
    assert!(!handshake.set_host_open(port(2), true));
}
