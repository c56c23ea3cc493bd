use super::*;

const TIMERS_LIMIT: u64 = 3;

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn timers_come_in_the_order_they_are_due() {
    let now = Instant::now();
    let mut timers = Timers::new(TIMERS_LIMIT);
    assert!(timers.set(1, now, ms(20)));
    assert!(timers.set(2, now, ms(10)));
    assert!(timers.set(1, now, ms(5)), "a timer that is set is moved");
    timers.set(3, now, ms(1));
    timers.cancel(3);
    assert_eq!(timers.next_due(), Some(now + ms(5)));
    assert_eq!(timers.take_due(now), None);
    let later = now + ms(30);
    assert_eq!(timers.take_due(later), Some(1));
    assert_eq!(timers.take_due(later), Some(2));
    assert_eq!(timers.take_due(later), None);
}

#[test]
fn no_more_timers_than_the_limit() {
    let now = Instant::now();
    let mut timers = Timers::new(TIMERS_LIMIT);
    for token in 0..TIMERS_LIMIT {
        assert!(timers.set(token, now, Duration::MAX));
    }
    assert!(!timers.set(1_000, now, ms(1)));
    assert!(timers.set(0, now, ms(1)), "moving one needs no room");
}
