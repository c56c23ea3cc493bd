//! Tests of `retry.rs`.

use super::*;

#[test]
fn waits_double_up_to_the_longest() {
    let mut backoff = Backoff::default();
    let waits: Vec<u128> = (0..9).map(|_| backoff.wait().as_millis()).collect();
    assert_eq!(
        waits,
        [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
    );
}

#[test]
fn the_last_try_leaves_time_to_say_what_is_lost() {
    assert_eq!(
        last_try(Duration::from_secs(5)),
        Duration::from_millis(4750)
    );
    assert_eq!(
        last_try(Duration::from_millis(100)),
        Duration::from_millis(50)
    );
    assert_eq!(last_try(Duration::ZERO), Duration::ZERO);
}
