//! Ids of ports.

use super::*;

#[test]
fn ports_count_from_one_in_the_order_of_the_file() {
    assert_eq!(port_ids(false, [false, false, false]), [1, 2, 3]);
}

#[test]
fn the_first_console_takes_zero_wherever_it_stands() {
    assert_eq!(port_ids(false, [true, false]), [0, 1]);
    assert_eq!(port_ids(false, [false, true, false]), [1, 0, 2]);
}

#[test]
fn further_consoles_count_on_with_the_others() {
    assert_eq!(port_ids(false, [true, true, false, true]), [0, 1, 2, 3]);
}

#[test]
fn a_console_and_thirty_others_fill_a_device_of_31() {
    let ids = port_ids(false, (0..31).map(|place| place == 7));
    assert_eq!(ids.iter().max(), Some(&30));
}

#[test]
fn the_terminal_keeps_zero_from_every_console() {
    assert_eq!(port_ids(true, [true, false, true]), [1, 2, 3]);
}
