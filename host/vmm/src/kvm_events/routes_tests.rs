//! The table, and its bounds.

use super::*;

fn message(data: u32) -> MsiMessage {
    let address = 0x1_fee0_0000;
    MsiMessage { address, data }
}

#[test]
fn pins_lead_where_kvm_has_them_lead() {
    let table = Routes::default().table().unwrap();
    let pins: Vec<_> = table
        .as_slice()
        .iter()
        .map(|route| (route.gsi, route.type_))
        .collect();
    assert_eq!(pins.len(), 40);
    for gsi in 0..24 {
        let routes = pins
            .iter()
            .filter(|route| **route == (gsi, KVM_IRQ_ROUTING_IRQCHIP));
        assert_eq!(routes.count(), if gsi < 16 { 2 } else { 1 }, "{gsi}");
    }
}

#[test]
fn a_number_is_used_again() {
    let mut routes = Routes::default();
    let numbers = [1, 2, 3].map(|data| routes.add(message(data)));
    assert_eq!(numbers, [24, 25, 26].map(|gsi| Some(Gsi(gsi))));
    routes.remove(Gsi(25));
    routes.remove(Gsi(25));
    assert_eq!(routes.add(message(4)), Some(Gsi(25)));
    assert_eq!(routes.table().unwrap().as_slice().len(), 43);
}

#[test]
fn there_is_an_end_to_messages() {
    let mut routes = Routes::default();
    assert!((0..4056).all(|data| routes.add(message(data)).is_some()));
    assert_eq!(routes.add(message(0)), None);
    assert_eq!(routes.table().unwrap().as_slice().len(), 4096);
}
