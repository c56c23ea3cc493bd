use super::*;

const LIMIT: u64 = 64;

#[test]
fn a_name_may_be_a_counter_and_a_gauge_at_once() {
    let measures = Measures::default();
    assert!(measures.take("frames", Measure::Count(2), LIMIT));
    assert!(measures.take("frames", Measure::Gauge(0.5), LIMIT));
    assert!(measures.take("frames", Measure::Count(u64::MAX), LIMIT));
    assert!(measures.take("frames", Measure::Gauge(-1.0), LIMIT));
    let now = measures.now();
    assert_eq!(Vec::from_iter(now.counts), [("frames".into(), u64::MAX)]);
    assert_eq!(Vec::from_iter(now.gauges), [("frames".into(), -1.0)]);
}

#[test]
fn names_are_bounded_for_each_kind_and_known_ones_go_on() {
    let measures = Measures::default();
    for number in 0..LIMIT {
        assert!(measures.take(&format!("name_{number}"), Measure::Count(1), LIMIT));
    }
    assert!(!measures.take("one_more", Measure::Count(1), LIMIT));
    assert!(measures.take("name_0", Measure::Count(1), LIMIT));
    assert!(measures.take("one_more", Measure::Gauge(1.0), LIMIT));
    let now = measures.now();
    assert_eq!((now.counts.len(), now.gauges.len()), (64, 1));
    assert_eq!(now.counts.get("name_0"), Some(&2));
}
