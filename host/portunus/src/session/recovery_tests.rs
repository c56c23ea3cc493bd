use super::*;

#[test]
fn the_rest_doubles_from_100_ms_to_10_s() {
    let mut recovery = Recovery::default();
    let mut now = Instant::now();
    let rests: Vec<u128> = (0..9)
        .map(|_| {
            let rest = recovery.failed(now);
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
    let mut recovery = Recovery::default();
    let start = Instant::now();
    recovery.failed(start);
    let second = recovery.failed(start + FIRST_REST);
    assert_eq!(second, FIRST_REST * 2);
    let nearly = start + FIRST_REST + second + FORGIVEN_AFTER - Duration::from_millis(1);
    let third = recovery.failed(nearly);
    assert_eq!(third, FIRST_REST * 4);
    assert_eq!(recovery.failed(nearly + third + FORGIVEN_AFTER), FIRST_REST);
}
