use portunus_plugin::{FaultCause, LimitStruck};

use super::*;

fn fault(cause: FaultCause) -> Fault {
    Fault {
        export: "on-data",
        cause,
        backtrace: None,
    }
}

#[test]
fn a_time_is_counted_by_the_first_bound_that_it_does_not_exceed() {
    let times = CallTimes::default();
    for took_ns in [0, 2_000, 2_001, 10_000_000_000, 10_000_000_001] {
        times.record(Duration::from_nanos(took_ns));
    }
    let now = times.now();
    assert_eq!(now.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!((now.longer, now.count()), (1, 5));
    assert_eq!(now.sum_ns, 20_000_004_002);
}

#[tokio::test]
async fn a_call_is_counted_with_its_outcome_whatever_that_is() {
    let calls = Calls::default();
    let done = calls.watch(Export::OnData, async { Ok(7) }).await;
    assert_eq!(done.unwrap(), 7);
    let causes = [
        FaultCause::Trap("a".into()),
        FaultCause::Trap("b".into()),
        FaultCause::Limit(LimitStruck::Resources { limit: 1 }),
    ];
    for cause in causes {
        let failed = async { Err::<(), _>(fault(cause)) };
        calls.watch(Export::OnData, failed).await.unwrap_err();
    }
    calls.note_refused();
    assert_eq!(
        Vec::from_iter(calls.failed()),
        [
            (("init", "refused"), 1),
            (("on-data", "resources"), 1),
            (("on-data", "trap"), 2)
        ]
    );
    let called: Vec<_> = calls
        .times()
        .map(|(export, times)| (export.name(), times.now().count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(called, [("on-data", 4)]);
}
