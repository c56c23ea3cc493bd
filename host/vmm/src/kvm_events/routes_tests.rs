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

fn new(gsi: u32) -> Option<Added> {
    Some(Added::New(Gsi(gsi)))
}

fn known(gsi: u32) -> Option<Added> {
    Some(Added::Known(Gsi(gsi)))
}

#[test]
fn a_number_is_used_again() {
    let mut routes = Routes::default();
    let numbers = [1, 2, 3].map(|data| routes.add(message(data)));
    assert_eq!(numbers, [24, 25, 26].map(new));
    routes.remove(Gsi(25));
    routes.remove(Gsi(25));
    assert_eq!(routes.add(message(4)), new(25));
    assert_eq!(routes.add(message(2)), new(27));
    assert_eq!(routes.table().unwrap().as_slice().len(), 44);
}

#[test]
fn events_of_one_message_share_its_number_until_the_last_one_leaves() {
    let mut routes = Routes::default();
    assert_eq!(routes.add(message(1)), new(24));
    assert_eq!(routes.add(message(1)), known(24));
    routes.remove(Gsi(24));
    assert_eq!(routes.add(message(2)), new(25));
    routes.remove(Gsi(24));
    assert_eq!(routes.add(message(3)), new(24));
}

#[test]
fn a_mask_that_comes_and_goes_leaves_the_table_as_it_is() {
    let mut routes = Routes::default();
    let all = 24..1024;
    assert!(all.clone().all(|gsi| routes.add(message(gsi)) == new(gsi)));
    all.clone().for_each(|gsi| routes.remove(Gsi(gsi)));
    // One was changed meanwhile: it takes its own place, and no other is new.
    for gsi in all {
        if gsi == 500 {
            assert_eq!(routes.add(message(5000)), new(gsi));
        } else {
            assert_eq!(routes.add(message(gsi)), known(gsi));
        }
    }
}

#[test]
fn what_kvm_did_not_take_is_new_again() {
    let mut routes = Routes::default();
    assert_eq!(routes.add(message(1)), new(24));
    routes.forget(Gsi(24));
    assert_eq!(routes.table().unwrap().as_slice().len(), 40);
    assert_eq!(routes.add(message(1)), new(24));
}

#[test]
fn there_is_an_end_to_messages() {
    let mut routes = Routes::default();
    assert!((0..4056).all(|data| routes.add(message(data)).is_some()));
    assert_eq!(routes.add(message(4056)), None);
    assert_eq!(routes.add(message(7)), known(31));
    assert_eq!(routes.table().unwrap().as_slice().len(), 4096);
}
