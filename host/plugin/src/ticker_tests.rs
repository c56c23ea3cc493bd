//! Tests of the epoch ticker.

use std::time::Instant;

use super::*;

/// Waits until a condition holds, or fails after a minute.
fn eventually(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it never came to hold"
        );
        thread::yield_now();
    }
}

fn ticker() -> (wasmtime::Engine, Ticker) {
    let engine = wasmtime::Engine::default();
    let ticker = Ticker::start(engine.weak()).unwrap();
    (engine, ticker)
}

#[test]
fn it_parks_when_nobody_computes_and_wakes_for_the_next() {
    let (_engine, ticker) = ticker();
    for _ in 0..3 {
        eventually(|| ticker.is_parked());
        let computing = ticker.computing();
        eventually(|| !ticker.is_parked());
        drop(computing);
    }
}

#[test]
fn it_does_not_park_under_a_long_computation() {
    let (_engine, ticker) = ticker();
    let computing = ticker.computing();
    eventually(|| !ticker.is_parked());
    let start = Instant::now();
    while start.elapsed() < TICK * LINGER_TICKS * 5 {
        assert!(!ticker.is_parked());
    }
    drop(computing);
    eventually(|| ticker.is_parked());
}

#[test]
fn its_thread_ends_with_it() {
    let (_engine, ticker) = ticker();
    let shared = Arc::clone(&ticker.shared);
    drop(ticker);
    eventually(|| Arc::strong_count(&shared) == 1);
}

#[test]
fn its_thread_ends_with_the_engine() {
    let (engine, ticker) = ticker();
    drop(engine);
    let _computing = ticker.computing();
    eventually(|| Arc::strong_count(&ticker.shared) == 1);
}
