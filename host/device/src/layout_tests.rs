//! Numbers map to ports and back, all of them; names are checked.

use proptest::prelude::*;

use super::*;

fn port(id: u32) -> PortId {
    PortId::new(id).expect("a port id")
}

fn max_ports(count: u32) -> MaxPorts {
    MaxPorts::new(count).expect("a size of device")
}

#[test]
fn queues_are_where_the_specification_puts_them() {
    let table = [
        (0, QueueRole::PortReceive(port(0))),
        (1, QueueRole::PortTransmit(port(0))),
        (2, QueueRole::ControlReceive),
        (3, QueueRole::ControlTransmit),
        (4, QueueRole::PortReceive(port(1))),
        (5, QueueRole::PortTransmit(port(1))),
        (6, QueueRole::PortReceive(port(2))),
        (63, QueueRole::PortTransmit(port(30))),
    ];
    for (number, role) in table {
        let index = QueueIndex(number);
        assert_eq!(queue_role(index, max_ports(31)), Some(role), "{index}");
        assert_eq!(queue_index(role), index, "{role:?}");
    }
}

#[test]
fn every_queue_has_one_role_and_every_role_one_queue() {
    for count in [1, 2, 31, 127, 1024, MaxPorts::LIMIT.get()] {
        let max_ports = max_ports(count);
        let queues = queue_count(max_ports);
        assert_eq!(u32::from(queues), (count + 1) * 2);
        for number in 0..=u16::MAX {
            let index = QueueIndex(number);
            let role = queue_role(index, max_ports);
            assert_eq!(role.is_some(), number < queues, "{index} of {count} ports");
            assert!(
                role.is_none_or(|role| queue_index(role) == index),
                "{index}"
            );
        }
        for id in max_ports.ids() {
            let receive = queue_role(receive_queue(id), max_ports);
            let transmit = queue_role(transmit_queue(id), max_ports);
            assert_eq!(receive, Some(QueueRole::PortReceive(id)));
            assert_eq!(transmit, Some(QueueRole::PortTransmit(id)));
        }
    }
}

#[test]
fn sizes_and_ids_have_bounds() {
    assert_eq!(MaxPorts::new(0), None);
    assert_eq!(MaxPorts::new(MaxPorts::LIMIT.get() + 1), None);
    assert_eq!(MaxPorts::new(u32::MAX), None);
    assert_eq!(MaxPorts::default().get(), 31);
    assert_eq!(queue_count(MaxPorts::VHOST_USER_LIMIT), 256);
    assert_eq!(PortId::new(0), Some(PortId::ZERO));
    assert_eq!(PortId::new(MaxPorts::LIMIT.get()), None);
    assert_eq!(PortId::new(u32::MAX), None);
    assert!(max_ports(31).contains(port(30)));
    assert!(!max_ports(31).contains(port(31)));
}

#[test]
fn names_of_the_field_are_names() {
    for name in [
        "org.qemu.guest_agent.0",
        "com.redhat.spice.0",
        "ein Anschluß",
        &"x".repeat(PortName::MAX_BYTES),
    ] {
        let parsed: PortName = name.parse().expect(name);
        assert_eq!(parsed.as_str(), name);
        assert_eq!(parsed.to_string(), name);
    }
}

#[test]
fn what_a_guest_cannot_make_a_file_is_no_name() {
    use PortNameError::*;
    let table = [
        (String::new(), Empty),
        ("a/b".into(), Slash),
        ("a\nb".into(), ControlCharacter('\n')),
        ("a\0".into(), ControlCharacter('\0')),
        (".".into(), Directory),
        ("..".into(), Directory),
        ("ü".repeat(64), TooLong { length: 128 }),
    ];
    for (text, error) in table {
        assert_eq!(PortName::try_from(text), Err(error));
    }
}

proptest! {
    #[test]
    fn any_text_is_a_good_name_or_an_error(text in ".{0,200}") {
        if let Ok(name) = text.parse::<PortName>() {
            prop_assert_eq!(name.as_str(), &text);
            prop_assert!((1..=PortName::MAX_BYTES).contains(&text.len()));
            prop_assert!(!text.contains(['/', '\0', '\n']));
        }
    }
}
