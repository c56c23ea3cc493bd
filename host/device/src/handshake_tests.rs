//! The handshake, message by message.

#[path = "handshake/convergence_tests.rs"]
mod convergence;
#[path = "handshake/refusal_tests.rs"]
mod refusal;

use super::*;

fn port(id: u32) -> PortId {
    PortId::new(id).expect("a port id")
}

fn profile(name: &str) -> PortProfile {
    PortProfile {
        name: name.parse().expect("a name"),
        console: false,
    }
}

fn console(name: &str) -> PortProfile {
    PortProfile {
        console: true,
        ..profile(name)
    }
}

fn name(id: u32, name: &str) -> HostMessage {
    HostMessage::PortName(port(id), name.parse().expect("a name"))
}

/// A handshake whose driver took all features.
fn handshake() -> Handshake {
    let mut handshake = Handshake::new(MaxPorts::default());
    handshake.set_features(Features::offered());
    handshake
}

/// A handshake with port 1, named "one", and a driver that is ready.
fn with_port_one() -> Handshake {
    let mut handshake = handshake();
    handshake.add_port(port(1), profile("one")).expect("free");
    assert_eq!(
        hear(&mut handshake, READY),
        Ok(Some(GuestEvent::DeviceReady))
    );
    handshake
}

const READY: GuestMessage = GuestMessage::DeviceReady(true);

fn port_ready(id: u32) -> GuestMessage {
    GuestMessage::PortReady { id, ready: true }
}

fn opens(id: u32) -> GuestMessage {
    GuestMessage::PortOpen { id, open: true }
}

fn closes(id: u32) -> GuestMessage {
    GuestMessage::PortOpen { id, open: false }
}

fn hear(
    handshake: &mut Handshake,
    message: GuestMessage,
) -> Result<Option<GuestEvent>, ControlFault> {
    handshake.receive(&message.to_bytes())
}

/// Says all that there is to say.
fn say_all(handshake: &mut Handshake) -> Vec<HostMessage> {
    let mut said = Vec::new();
    while let Some(message) = handshake.next_message() {
        handshake.commit(&message);
        said.push(message);
    }
    said
}

#[test]
fn a_port_is_told_in_the_order_that_linux_needs() {
    let mut handshake = handshake();
    let size = ConsoleSize {
        columns: 80,
        rows: 25,
    };
    handshake.add_port(port(0), console("tty")).expect("free");
    handshake.set_host_open(port(0), true);
    handshake.resize(port(0), size);
    assert_eq!(handshake.next_message(), None, "nobody listens yet");

    assert_eq!(
        hear(&mut handshake, READY),
        Ok(Some(GuestEvent::DeviceReady))
    );
    assert_eq!(say_all(&mut handshake), [HostMessage::PortAdd(port(0))]);
    let answer = hear(&mut handshake, port_ready(0));
    assert_eq!(answer, Ok(Some(GuestEvent::PortReady(port(0)))));
    let told = [
        HostMessage::ConsolePort(port(0)),
        HostMessage::Resize(port(0), size),
        name(0, "tty"),
        HostMessage::PortOpen(port(0), true),
    ];
    assert_eq!(say_all(&mut handshake), told);
}

#[test]
fn a_size_is_told_to_consoles_alone_and_where_negotiated() {
    let size = ConsoleSize::default();
    let mut handshake = with_port_one();
    assert!(!handshake.resize(port(1), size), "not a console");
    assert!(!handshake.resize(port(2), size), "no port at all");

    let multiport_alone = Features::accept(1 << 1).expect("a part");
    handshake.set_features(multiport_alone);
    handshake.add_port(port(0), console("tty")).expect("free");
    assert!(handshake.resize(port(0), size));
    say_all(&mut handshake);
    hear(&mut handshake, port_ready(0)).expect("a port");
    let told = [HostMessage::ConsolePort(port(0)), name(0, "tty")];
    assert_eq!(say_all(&mut handshake), told);
}

#[test]
fn only_the_newest_word_on_open_is_told() {
    let mut handshake = with_port_one();
    say_all(&mut handshake);
    hear(&mut handshake, port_ready(1)).expect("a port");
    say_all(&mut handshake);

    for open in [true, false, true] {
        assert!(handshake.set_host_open(port(1), open));
    }
    let told = [HostMessage::PortOpen(port(1), true)];
    assert_eq!(say_all(&mut handshake), told);

    handshake.set_host_open(port(1), false);
    handshake.set_host_open(port(1), true);
    assert_eq!(
        say_all(&mut handshake),
        [],
        "open, closed, open: nothing to say"
    );
}

#[test]
fn a_port_that_is_removed_and_added_again_is_told_as_such() {
    let mut handshake = with_port_one();
    say_all(&mut handshake);
    hear(&mut handshake, port_ready(1)).expect("a port");
    say_all(&mut handshake);
    hear(&mut handshake, opens(1)).expect("a port");

    assert!(handshake.remove_port(port(1)));
    assert!(!handshake.remove_port(port(1)));
    handshake
        .add_port(port(1), profile("another"))
        .expect("free");
    assert!(!handshake.is_guest_open(port(1)));
    let told = [
        HostMessage::PortRemove(port(1)),
        HostMessage::PortAdd(port(1)),
    ];
    assert_eq!(say_all(&mut handshake), told);

    // What the guest had under way about the port before it.
    assert_eq!(hear(&mut handshake, closes(1)), Ok(None));
    assert_eq!(hear(&mut handshake, opens(1)), Ok(None));
    assert!(!handshake.is_guest_open(port(1)));

    hear(&mut handshake, port_ready(1)).expect("a port");
    assert_eq!(say_all(&mut handshake), [name(1, "another")]);
    let opened = hear(&mut handshake, opens(1));
    assert_eq!(opened, Ok(Some(GuestEvent::Opened(port(1)))));
}

#[test]
fn a_removal_waits_for_the_answer_to_the_adding() {
    let mut handshake = with_port_one();
    say_all(&mut handshake);
    handshake.remove_port(port(1));
    handshake
        .add_port(port(1), profile("another"))
        .expect("free");
    assert_eq!(say_all(&mut handshake), [], "the guest owes an answer");

    assert_eq!(hear(&mut handshake, port_ready(1)), Ok(None));
    let told = [
        HostMessage::PortRemove(port(1)),
        HostMessage::PortAdd(port(1)),
    ];
    assert_eq!(say_all(&mut handshake), told);
}

#[test]
fn a_port_that_the_guest_never_heard_of_is_removed_without_a_word() {
    let mut handshake = with_port_one();
    handshake.remove_port(port(1));
    assert_eq!(say_all(&mut handshake), []);
}

#[test]
fn a_guest_that_wakes_up_needs_no_device_ready() {
    let mut handshake = with_port_one();
    handshake.add_port(port(2), profile("two")).expect("free");
    say_all(&mut handshake);
    handshake.reset();
    handshake.set_features(Features::offered());
    assert_eq!(
        handshake.next_message(),
        None,
        "nobody listens after a reset"
    );

    let ready = hear(&mut handshake, port_ready(1));
    assert_eq!(ready, Ok(Some(GuestEvent::PortReady(port(1)))));
    let opened = hear(&mut handshake, opens(1));
    assert_eq!(opened, Ok(Some(GuestEvent::Opened(port(1)))));
    assert!(handshake.is_guest_open(port(1)));
    let told = [name(1, "one"), HostMessage::PortAdd(port(2))];
    assert_eq!(say_all(&mut handshake), told);
}

#[test]
fn a_guest_that_wakes_up_learns_of_ports_that_went() {
    let mut handshake = handshake();
    assert_eq!(hear(&mut handshake, port_ready(5)), Ok(None));
    assert_eq!(hear(&mut handshake, opens(5)), Ok(None));
    assert_eq!(say_all(&mut handshake), [HostMessage::PortRemove(port(5))]);
    assert_eq!(hear(&mut handshake, opens(5)), Ok(None));
    assert_eq!(say_all(&mut handshake), []);
}

#[test]
fn an_open_may_come_before_anything_else_after_a_reset() {
    let mut handshake = with_port_one();
    handshake.reset();
    let opened = hear(&mut handshake, opens(1));
    assert_eq!(opened, Ok(Some(GuestEvent::Opened(port(1)))));
}

#[test]
fn a_reset_forgets_what_was_told_and_keeps_the_ports() {
    let mut handshake = with_port_one();
    handshake.set_host_open(port(1), true);
    say_all(&mut handshake);
    hear(&mut handshake, port_ready(1)).expect("a port");
    say_all(&mut handshake);
    hear(&mut handshake, opens(1)).expect("a port");

    handshake.reset();
    assert!(!handshake.is_guest_open(port(1)));
    handshake.set_features(Features::offered());
    hear(&mut handshake, READY).expect("a driver");
    assert_eq!(say_all(&mut handshake), [HostMessage::PortAdd(port(1))]);
    hear(&mut handshake, port_ready(1)).expect("a port");
    let told = [name(1, "one"), HostMessage::PortOpen(port(1), true)];
    assert_eq!(say_all(&mut handshake), told);
}

#[test]
fn a_new_driver_has_nothing_open_even_where_no_reset_was_seen() {
    let mut handshake = with_port_one();
    say_all(&mut handshake);
    hear(&mut handshake, port_ready(1)).expect("a port");
    hear(&mut handshake, opens(1)).expect("a port");
    say_all(&mut handshake);

    hear(&mut handshake, READY).expect("a driver");
    assert!(!handshake.is_guest_open(port(1)));
    assert_eq!(say_all(&mut handshake), [HostMessage::PortAdd(port(1))]);
    hear(&mut handshake, port_ready(1)).expect("a port");
    let opened = hear(&mut handshake, opens(1));
    assert_eq!(opened, Ok(Some(GuestEvent::Opened(port(1)))));
}

#[test]
fn a_resumed_driver_hears_of_every_port_again_and_stays_open() {
    let mut handshake = with_port_one();
    say_all(&mut handshake);
    hear(&mut handshake, port_ready(1)).expect("a port");
    say_all(&mut handshake);
    hear(&mut handshake, opens(1)).expect("a port");

    handshake.resume();
    assert!(handshake.is_guest_open(port(1)));
    assert_eq!(say_all(&mut handshake), [HostMessage::PortAdd(port(1))]);
    hear(&mut handshake, port_ready(1)).expect("a port");
    assert_eq!(say_all(&mut handshake), [name(1, "one")]);
    let closed = hear(&mut handshake, closes(1));
    assert_eq!(closed, Ok(Some(GuestEvent::Closed(port(1)))));
}

#[test]
fn a_new_back_end_can_take_a_port_for_open() {
    let mut handshake = handshake();
    handshake.add_port(port(1), profile("one")).expect("free");
    handshake.resume();
    assert!(!handshake.is_guest_open(port(1)));
    assert!(handshake.assume_guest_open(port(1)));
    assert!(!handshake.assume_guest_open(port(2)));
    assert!(handshake.is_guest_open(port(1)));
    say_all(&mut handshake);
    let closed = hear(&mut handshake, closes(1));
    assert_eq!(
        closed,
        Ok(Some(GuestEvent::Closed(port(1)))),
        "before its PORT_READY, too"
    );
}

#[test]
fn a_driver_without_multiport_has_port_zero_open_from_the_first() {
    let mut handshake = Handshake::new(MaxPorts::default());
    handshake.set_features(Features::accept(1 << 32).expect("a part"));
    handshake.add_port(port(0), console("tty")).expect("free");
    handshake.add_port(port(1), profile("one")).expect("free");
    assert!(handshake.is_guest_open(port(0)));
    assert!(!handshake.is_guest_open(port(1)));
    handshake.resume();
    assert_eq!(handshake.next_message(), None);
}

#[test]
fn a_thousand_ports_are_told_one_after_the_other() {
    let count = 1024;
    let mut handshake = Handshake::new(MaxPorts::new(count).expect("a size of device"));
    handshake.set_features(Features::offered());
    for id in 0..count {
        handshake.add_port(port(id), profile("x")).expect("free");
        handshake.set_host_open(port(id), true);
    }
    hear(&mut handshake, READY).expect("a driver");
    assert_eq!(say_all(&mut handshake).len(), 1024);
    for id in 0..count {
        hear(&mut handshake, port_ready(id)).expect("a port");
    }
    assert_eq!(say_all(&mut handshake).len(), 2048);
}
