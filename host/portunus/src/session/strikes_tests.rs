use std::time::Duration;

use super::*;
use crate::logging::tests::logged;
use crate::logging::{LogFormat, Verbosity};

#[test]
fn a_limit_that_strikes_often_is_logged_ever_more_rarely_with_its_value_and_a_count() {
    let strikes = Strikes::default();
    let page = logged(Verbosity::louder(0).filter(), LogFormat::Text, || {
        (0..1_000).for_each(|_| strikes.strike(Limit::Timers, 64));
    });
    assert_eq!(strikes.of(Limit::Timers), 1_000);
    let lines: Vec<&str> = page.lines().collect();
    assert_eq!(lines.len(), 10, "{page}");
    for (line, count) in lines.iter().zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]) {
        let fields = format!("limit=\"timers\" value=64 strikes={count}");
        assert!(line.contains(" WARN ") && line.ends_with(&fields), "{line}");
    }
}

#[test]
fn what_ends_an_instance_is_counted_under_its_name() {
    let strikes = Strikes::default();
    let limit = Duration::from_secs(1);
    strikes.ended(&LimitStruck::Cpu { limit });
    strikes.ended(&LimitStruck::Cpu { limit });
    strikes.ended(&LimitStruck::Resources { limit: 8 });
    let counted: Vec<_> = strikes.all().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [("cpu", 2), ("resources", 1)]);
}
