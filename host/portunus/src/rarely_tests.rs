use super::*;

#[test]
fn the_first_is_told_and_then_ever_fewer() {
    let rarely = Rarely::default();
    let told: Vec<u64> = (0..1_000).filter_map(|_| rarely.again()).collect();
    assert_eq!(told, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
}

#[test]
fn a_count_that_grows_by_many_is_told_where_it_passes_a_power_of_two() {
    for (before, now, told) in [
        (0, 0, None),
        (0, 3, Some(3)),
        (3, 4, Some(4)),
        (4, 7, None),
        (5, 100, Some(100)),
        (u64::MAX, u64::MAX, None),
    ] {
        assert_eq!(worth_telling(before, now), told, "{before} to {now}");
    }
}
