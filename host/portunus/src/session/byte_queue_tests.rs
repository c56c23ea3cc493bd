#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "small numbers, and a test that panics has failed"
)]

use super::*;
use proptest::prelude::*;

const LIMIT: usize = 64 * 1024;

proptest! {
    #[test]
    fn bytes_come_out_as_they_went_in_and_never_past_the_limit(
        steps in prop::collection::vec((0_usize..100_000, 0_usize..100_000), 1..40),
    ) {
        let mut queue = ByteQueue::new(LIMIT as u64);
        let (mut sent, mut received) = (0_usize, 0_usize);
        for (offer, take) in steps {
            let data: Vec<u8> = (0..offer).map(|i| (sent + i) as u8).collect();
            sent += queue.fill(&data);
            prop_assert!(queue.len() <= LIMIT);
            let front = queue.front();
            let take = take.min(front.len());
            for (i, byte) in front[..take].iter().enumerate() {
                prop_assert_eq!(*byte, (received + i) as u8);
            }
            queue.consume(take);
            received += take;
            prop_assert_eq!(queue.len(), sent - received);
        }
    }
}

#[test]
fn a_full_queue_takes_nothing() {
    let mut queue = ByteQueue::new(LIMIT as u64);
    assert_eq!(queue.fill(&vec![1; LIMIT + 1]), LIMIT);
    assert_eq!(queue.fill(b"x"), 0);
    assert_eq!(queue.clear(), LIMIT);
    assert!(queue.is_empty());
}
