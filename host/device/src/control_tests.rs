//! Control messages, byte by byte and back.

use proptest::prelude::*;

use super::*;

fn port(id: u32) -> PortId {
    PortId::new(id).expect("a port id")
}

#[test]
fn host_messages_have_the_bytes_that_linux_reads() {
    let size = ConsoleSize {
        columns: 80,
        rows: 25,
    };
    let name: PortName = "ab".parse().expect("a name");
    let table: [(HostMessage, &[u8]); 7] = [
        (HostMessage::PortAdd(port(1)), &[1, 0, 0, 0, 1, 0, 1, 0]),
        (HostMessage::PortRemove(port(2)), &[2, 0, 0, 0, 2, 0, 1, 0]),
        (HostMessage::ConsolePort(port(0)), &[0, 0, 0, 0, 4, 0, 1, 0]),
        (
            HostMessage::Resize(port(0), size),
            &[0, 0, 0, 0, 5, 0, 1, 0, 25, 0, 80, 0],
        ),
        (
            HostMessage::PortOpen(port(258), true),
            &[2, 1, 0, 0, 6, 0, 1, 0],
        ),
        (
            HostMessage::PortOpen(port(3), false),
            &[3, 0, 0, 0, 6, 0, 0, 0],
        ),
        (
            HostMessage::PortName(port(3), name),
            &[3, 0, 0, 0, 7, 0, 1, 0, b'a', b'b'],
        ),
    ];
    for (message, bytes) in table {
        assert_eq!(message.to_bytes(), bytes);
        assert_eq!(HostMessage::parse(bytes), Some(message));
    }
}

#[test]
fn a_name_with_a_nul_after_it_is_read_as_qemu_sends_it() {
    let message = HostMessage::parse(&[3, 0, 0, 0, 7, 0, 1, 0, b'a', 0]);
    let name = "a".parse().expect("a name");
    assert_eq!(message, Some(HostMessage::PortName(port(3), name)));
}

#[test]
fn guest_messages_have_the_bytes_that_linux_writes() {
    let ready = [0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0];
    assert_eq!(
        GuestMessage::parse(&ready),
        Ok(GuestMessage::DeviceReady(true))
    );
    assert_eq!(GuestMessage::DeviceReady(true).to_bytes(), ready);
    assert_eq!(
        GuestMessage::parse(&[5, 0, 0, 0, 3, 0, 0, 0]),
        Ok(GuestMessage::PortReady {
            id: 5,
            ready: false
        })
    );
    assert_eq!(
        GuestMessage::parse(&[0, 1, 0, 0, 6, 0, 1, 0]),
        Ok(GuestMessage::PortOpen {
            id: 256,
            open: true
        })
    );
}

#[test]
fn what_no_guest_may_send_is_named() {
    for length in 0..HEADER_BYTES {
        let bytes = vec![0; length];
        let fault = ControlFault::TooShort { length };
        assert_eq!(GuestMessage::parse(&bytes), Err(fault));
    }
    for event in [1, 2, 4, 5, 7, 8, 0x100, u16::MAX] {
        let [low, high] = event.to_le_bytes();
        let bytes = [9, 0, 0, 0, low, high, 0, 0];
        let fault = ControlFault::UnexpectedEvent { event, id: 9 };
        assert_eq!(GuestMessage::parse(&bytes), Err(fault));
    }
}

#[test]
fn what_follows_a_guests_header_is_ignored() {
    let long = [5, 0, 0, 0, 6, 0, 1, 0, 1, 2, 3];
    let message = GuestMessage::PortOpen { id: 5, open: true };
    assert_eq!(GuestMessage::parse(&long), Ok(message));
}

fn any_guest_message() -> impl Strategy<Value = GuestMessage> {
    prop_oneof![
        any::<bool>().prop_map(GuestMessage::DeviceReady),
        any::<(u32, bool)>().prop_map(|(id, ready)| GuestMessage::PortReady { id, ready }),
        any::<(u32, bool)>().prop_map(|(id, open)| GuestMessage::PortOpen { id, open }),
    ]
}

fn any_host_message() -> impl Strategy<Value = HostMessage> {
    let id = (0..crate::layout::MaxPorts::LIMIT.get()).prop_map(port);
    let name = "[^/\\p{Cc}]{3,30}".prop_map(|text| text.parse().expect("a name"));
    (id, name, any::<(u8, u16, u16, bool)>()).prop_map(|(id, name, (kind, columns, rows, open))| {
        match kind % 6 {
            0 => HostMessage::PortAdd(id),
            1 => HostMessage::PortRemove(id),
            2 => HostMessage::ConsolePort(id),
            3 => HostMessage::Resize(id, ConsoleSize { columns, rows }),
            4 => HostMessage::PortName(id, name),
            _ => HostMessage::PortOpen(id, open),
        }
    })
}

proptest! {
    #[test]
    fn a_guest_message_survives_its_bytes(message in any_guest_message()) {
        prop_assert_eq!(GuestMessage::parse(&message.to_bytes()), Ok(message));
    }

    #[test]
    fn a_host_message_survives_its_bytes(message in any_host_message()) {
        let bytes = message.to_bytes();
        prop_assert!(bytes.len() <= MAX_MESSAGE_BYTES);
        prop_assert_eq!(HostMessage::parse(&bytes), Some(message));
    }

    #[test]
    fn any_bytes_are_a_message_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        let _ = HostMessage::parse(&bytes);
        match GuestMessage::parse(&bytes) {
            Ok(message) => prop_assert_eq!(GuestMessage::parse(&message.to_bytes()), Ok(message)),
            Err(ControlFault::TooShort { length }) => prop_assert_eq!(length, bytes.len()),
            Err(fault) => {
                let unexpected = matches!(fault, ControlFault::UnexpectedEvent { .. });
                prop_assert!(unexpected, "{fault}");
            }
        }
    }
}
