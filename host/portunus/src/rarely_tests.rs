use super::*;

#[test]
fn the_first_is_told_and_then_ever_fewer() {
    let rarely = Rarely::default();
    let told: Vec<u64> = (0..1_000).filter_map(|_| rarely.again()).collect();
    assert_eq!(told, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
}
