//! The bench's own code, with tiny sizes: so that it works when it is wanted.

use portunus_plugin::Engine;
use portunus_tests::bench::report::Row;
use portunus_tests::bench::rounds::Scale;
use portunus_tests::bench::{
    agent, clipboard, idle, machine, many, real_guest, round_trips, start, streams,
};
use portunus_tests::program::binary;

const SCALE: Scale = Scale::SMOKE;

/// Every row has a figure that comes of something.
fn assert_measured(rows: &[Row]) {
    assert!(!rows.is_empty());
    for row in rows {
        assert!(row.figure.is_finite(), "{row}");
        assert!(!row.measured.contains(" 0 ns"), "{row}");
    }
}

#[test]
fn streams_are_measured() {
    let engine = Engine::new().unwrap();
    assert_measured(&[streams::null(SCALE).unwrap()]);
    assert_measured(&streams::echoes(SCALE, &engine).unwrap());
}

#[test]
fn round_trips_are_measured() {
    assert_measured(&round_trips::echoes(SCALE, &Engine::new().unwrap()).unwrap());
}

#[test]
fn many_ports_are_measured() {
    assert_measured(&many::ports(SCALE, &Engine::new().unwrap()).unwrap());
}

#[test]
fn images_in_a_clipboard_are_measured() {
    assert_measured(&clipboard::images(SCALE, &Engine::new().unwrap()).unwrap());
}

#[test]
fn commands_of_an_agent_are_measured() {
    assert_measured(&agent::pings(SCALE, &Engine::new().unwrap()).unwrap());
}

#[test]
fn a_start_is_measured() {
    assert_measured(&start::rows(SCALE, &Engine::new().unwrap()).unwrap());
}

#[test]
fn a_real_guest_is_measured() {
    assert_measured(&real_guest::echoes(SCALE).unwrap());
}

#[test]
fn idle_ports_are_measured() {
    let rows = idle::rows(SCALE, &binary()).unwrap();
    assert_measured(&rows);
    assert!(rows[0].figure > 0.0, "{}", rows[0]);
}

#[test]
fn our_own_machine_is_measured() {
    let rows = machine::rows(SCALE, &binary()).unwrap();
    assert_measured(&rows);
    assert!(rows.iter().all(|row| row.figure > 0.0), "{rows:?}");
}
