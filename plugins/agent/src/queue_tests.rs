//! Tests of `queue.rs`.

use proptest::prelude::*;

use super::*;
use Lane::{Client, Own};

const NOW: Duration = Duration::ZERO;

fn taken(queue: &mut Queue<u32>) -> Vec<(Lane, u32)> {
    std::iter::from_fn(|| queue.take_next(|_| true)).collect()
}

#[test]
fn lanes_take_turns_and_each_keeps_its_order() {
    let mut queue = Queue::default();
    for job in 1..=3 {
        queue.push(Client(1), job, NOW);
    }
    queue.push(Client(2), 4, NOW);
    queue.push(Own, 5, NOW);
    assert_eq!(queue.len(Client(1)), 3);
    let wanted = [
        (Own, 5),
        (Client(1), 1),
        (Client(2), 4),
        (Client(1), 2),
        (Client(1), 3),
    ];
    assert_eq!(taken(&mut queue), wanted);
    assert_eq!(queue.len(Client(1)), 0);
}

#[test]
fn one_who_asks_much_delays_another_by_one_job() {
    let mut queue = Queue::default();
    for job in 0..1000 {
        queue.push(Client(1), job, NOW);
    }
    queue.take_next(|_| true);
    queue.push(Client(2), 1000, NOW);
    let next = queue.take_next(|_| true);
    assert_eq!(next, Some((Client(2), 1000)));
}

#[test]
fn a_lane_that_is_not_ready_is_passed_over_and_keeps_its_jobs() {
    let mut queue = Queue::default();
    queue.push(Client(1), 1, NOW);
    queue.push(Client(2), 2, NOW);
    let ready = |lane| lane != Client(1);
    assert_eq!(queue.take_next(ready), Some((Client(2), 2)));
    assert_eq!(queue.take_next(ready), None);
    assert_eq!(queue.first(Client(1)), Some(&1));
}

#[test]
fn a_job_put_first_is_next_whoever_was_served_last() {
    for last in 0..4 {
        let mut queue = Queue::default();
        for client in 0..4 {
            queue.push(Client(client), 1, NOW);
            queue.push(Client(client), 2, NOW);
        }
        for _ in 0..last {
            queue.take_next(|_| true);
        }
        queue.push_first(Own, 9, NOW);
        assert_eq!(queue.take_next(|_| true), Some((Own, 9)));
    }
}

#[test]
fn the_oldest_of_those_that_are_meant_is_known() {
    let mut queue = Queue::default();
    for (client, job, seconds) in [(1, 5, 1), (1, 6, 3), (2, 6, 2)] {
        queue.push(Client(client), job, Duration::from_secs(seconds));
    }
    let oldest = |queue: &Queue<u32>, job| queue.oldest(|found| *found == job);
    assert_eq!(oldest(&queue, 5), Some(Duration::from_secs(1)));
    assert_eq!(oldest(&queue, 6), Some(Duration::from_secs(2)));
    assert_eq!(oldest(&queue, 7), None);
    for (_, since, job) in queue.jobs_mut() {
        *job = u32::try_from(since.as_secs()).unwrap();
    }
    assert_eq!(
        taken(&mut queue),
        [(Client(1), 1), (Client(2), 2), (Client(1), 3)]
    );
}

proptest! {
    #[test]
    fn nobody_is_served_twice_while_another_waits(pushes in prop::collection::vec(0_u64..5, 1..60)) {
        let mut queue = Queue::default();
        for (job, client) in (0..).zip(&pushes) {
            queue.push(Client(*client), job, NOW);
        }
        let mut previous = None;
        let mut served = Vec::new();
        loop {
            let others = (0..5).map(Client).filter(|lane| previous != Some(*lane));
            let others_wait = others.map(|lane| queue.len(lane)).sum::<usize>() > 0;
            let Some((lane, _)) = queue.take_next(|_| true) else { break };
            prop_assert!(previous != Some(lane) || !others_wait);
            previous = Some(lane);
            served.push(lane);
        }
        prop_assert_eq!(served.len(), pushes.len());
    }
}
