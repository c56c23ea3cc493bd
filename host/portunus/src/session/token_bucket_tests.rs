#![expect(
    clippy::arithmetic_side_effects,
    reason = "small numbers, and a test that panics has failed"
)]

use super::*;
use proptest::prelude::*;

const MORE: usize = 1 << 20;

#[test]
fn a_second_s_worth_passes_at_once_and_then_the_rate() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(1_000);
    assert_eq!(bucket.admit(start, MORE), 1_000);
    bucket.take(start, 1_000);
    assert_eq!(bucket.admit(start, MORE), 0);
    assert_eq!(bucket.opens_at(start), Some(start + GATHERED));
    assert_eq!(bucket.admit(start + Duration::from_millis(49), MORE), 0);
    assert_eq!(bucket.opens_at(start + GATHERED), None);
    assert_eq!(bucket.admit(start + GATHERED, MORE), 50);
    assert_eq!(bucket.admit(start + Duration::from_secs(9), MORE), 1_000);
}

#[test]
fn what_is_short_passes_while_there_is_enough_for_it() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(1_000);
    bucket.take(start, 990);
    assert_eq!(bucket.admit(start, 10), 10);
    assert_eq!(bucket.opens_at(start), None);
    // Not drop by drop.
    assert_eq!(bucket.admit(start, 11), 0);
    assert_eq!(
        bucket.opens_at(start),
        Some(start + Duration::from_millis(40))
    );
}

proptest! {
    /// Whoever takes all that there is, whenever they come, gets no more than
    /// the burst and the rate; and is made to wait only where that is near.
    #[test]
    fn any_span_passes_a_burst_and_its_rate_and_no_more(
        rate in 1_024_u64..100_000_000,
        pauses_us in prop::collection::vec(0_u64..300_000, 1..100),
        wanted in 1_usize..200_000_000,
    ) {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(rate);
        let mut now = start;
        let mut passed: u128 = 0;
        for pause_us in pauses_us {
            now += Duration::from_micros(pause_us);
            let bytes = bucket.admit(now, wanted);
            prop_assert!(bytes <= wanted);
            bucket.take(now, bytes);
            passed += bytes as u128;
            let flowed = u128::from(rate) * (now - start).as_nanos() / 1_000_000_000;
            prop_assert!(passed <= u128::from(rate) + flowed);
            if bytes == 0 {
                let opens_at = bucket.opens_at(now).expect("a moment");
                prop_assert!(opens_at > now && opens_at <= now + GATHERED);
                now = opens_at;
                let bytes = bucket.admit(now, wanted);
                prop_assert!(bytes > 0);
                bucket.take(now, bytes);
                passed += bytes as u128;
            }
        }
    }
}
