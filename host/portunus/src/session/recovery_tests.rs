#![expect(
    clippy::arithmetic_side_effects,
    reason = "small numbers, and a test that panics has failed"
)]

use super::*;
use proptest::prelude::*;

fn recovery(budget: usize, within: Duration) -> Recovery {
    Recovery::new(RestartPolicy {
        budget,
        within,
        then: PastBudget::Close,
    })
}

/// A budget that no test uses up.
fn unbounded() -> Recovery {
    recovery(usize::MAX, Duration::from_secs(1))
}

#[test]
fn the_rest_doubles_from_100_ms_to_10_s() {
    let mut recovery = unbounded();
    let mut now = Instant::now();
    let rests: Vec<u128> = (0..9)
        .map(|_| {
            let rest = recovery.failed(now).unwrap();
            now += rest;
            rest.as_millis()
        })
        .collect();
    assert_eq!(
        rests,
        [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
    );
}

#[test]
fn a_quiet_minute_forgives_everything() {
    let mut recovery = unbounded();
    let start = Instant::now();
    recovery.failed(start);
    let second = recovery.failed(start + FIRST_REST).unwrap();
    assert_eq!(second, FIRST_REST * 2);
    let nearly = start + FIRST_REST + second + FORGIVEN_AFTER - Duration::from_millis(1);
    let third = recovery.failed(nearly).unwrap();
    assert_eq!(third, FIRST_REST * 4);
    assert_eq!(
        recovery.failed(nearly + third + FORGIVEN_AFTER),
        Some(FIRST_REST)
    );
}

#[test]
fn the_failure_after_the_budget_is_one_too_many() {
    let start = Instant::now();
    let mut recovery = recovery(3, Duration::from_secs(600));
    for failure in 0..3 {
        let at = start + Duration::from_secs(failure);
        assert!(recovery.failed(at).is_some());
    }
    assert_eq!(recovery.failed(start + Duration::from_secs(599)), None);
    // The first is too old to count now.
    assert!(recovery.failed(start + Duration::from_secs(600)).is_some());
    assert_eq!(recovery.failed(start + Duration::from_secs(600)), None);
}

#[test]
fn without_a_budget_the_first_failure_is_the_last() {
    assert_eq!(
        recovery(0, Duration::from_secs(1)).failed(Instant::now()),
        None
    );
}

#[test]
fn the_default_budget_lasts_less_than_a_minute_where_every_start_fails() {
    let policy = RestartPolicy::default();
    assert_eq!(policy.least_time(), Duration::from_millis(42_700));
    let mut recovery = Recovery::new(policy);
    let start = Instant::now();
    let mut now = start;
    while let Some(rest) = recovery.failed(now) {
        now += rest;
    }
    assert_eq!(now - start, policy.least_time());
}

proptest! {
    #[test]
    fn no_span_of_the_time_has_more_restarts_than_the_budget(
        budget in 0_usize..8,
        within_ms in 1_u64..100_000,
        pauses_ms in prop::collection::vec(0_u64..50_000, 1..60),
    ) {
        let within = Duration::from_millis(within_ms);
        let mut recovery = recovery(budget, within);
        let mut now = Instant::now();
        let mut restarts: Vec<Instant> = Vec::new();
        for pause_ms in pauses_ms {
            now += Duration::from_millis(pause_ms);
            let recent = restarts.iter().filter(|at| now - **at < within).count();
            let answer = recovery.failed(now);
            prop_assert_eq!(answer.is_some(), recent < budget);
            if let Some(rest) = answer {
                prop_assert!((FIRST_REST..=LONGEST_REST).contains(&rest));
                restarts.push(now);
            }
        }
    }
}
