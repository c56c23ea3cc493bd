//! Tests of metric names.

use super::*;

#[test]
fn a_name_is_one_to_64_bytes_of_a_small_alphabet() {
    let longest = "a".repeat(MAX_METRIC_NAME_BYTES);
    for name in ["a", "lines_total", "0", "_", longest.as_str()] {
        assert_eq!(
            MetricNames::new(&Limits::DEFAULT).admit(name),
            Admission::Known,
            "{name}"
        );
    }
    let too_long = "a".repeat(MAX_METRIC_NAME_BYTES + 1);
    for name in ["", "A", "a-b", "a b", "ä", "a\n", too_long.as_str()] {
        let admission = MetricNames::new(&Limits::DEFAULT).admit(name);
        assert!(matches!(admission, Admission::FirstRefused(_)), "{name}");
    }
}

#[test]
fn names_beyond_the_64th_are_refused_and_the_first_64_go_on() {
    let mut names = MetricNames::new(&Limits::DEFAULT);
    for index in 0..Limits::DEFAULT.metrics {
        assert_eq!(names.admit(&format!("name_{index}")), Admission::Known);
    }
    assert!(matches!(
        names.admit("one_more"),
        Admission::FirstRefused(_)
    ));
    assert_eq!(names.admit("one_more"), Admission::Refused);
    assert_eq!(names.admit("name_0"), Admission::Known);
    assert_eq!(names.refused(), 2);
}
