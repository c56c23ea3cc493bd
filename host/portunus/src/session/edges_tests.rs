#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "small numbers, and a test that panics has failed"
)]

use super::*;
use proptest::prelude::*;

fn closed(at: u16) -> Edge {
    Edge::Closed {
        up_to: Some(RingIndex(at)),
        cause: CloseCause::Guest,
    }
}

#[test]
fn an_edge_that_changes_nothing_is_not_noted() {
    let mut edges = Edges::default();
    edges.push(closed(1), false);
    assert_eq!(edges.front(), None);
    edges.push(Edge::Opened, false);
    edges.push(Edge::Opened, false);
    edges.push(closed(2), false);
    edges.push(closed(3), false);
    assert_eq!(edges.front(), Some(Edge::Opened));
    edges.pop();
    assert_eq!(edges.front(), Some(closed(2)));
    edges.pop();
    assert_eq!(edges.front(), None);
}

#[test]
fn past_the_limit_the_oldest_periods_are_joined() {
    let mut edges = Edges::default();
    let told_open = true;
    for at in 0..200 {
        edges.push(closed(at), told_open);
        edges.push(Edge::Opened, told_open);
    }
    edges.push(closed(200), told_open);
    let mut seen = Vec::new();
    while let Some(edge) = edges.front() {
        seen.push(edge);
        edges.pop();
    }
    assert!(seen.len() <= EDGES_LIMIT);
    assert_eq!(seen.last(), Some(&closed(200)));
}

proptest! {
    #[test]
    fn edges_alternate_stay_bounded_and_end_where_the_guest_is(
        told_open: bool,
        opens in prop::collection::vec(any::<bool>(), 0..300),
    ) {
        let mut edges = Edges::default();
        let mut truth = told_open;
        for (i, open) in opens.into_iter().enumerate() {
            edges.push(if open { Edge::Opened } else { closed(i as u16) }, told_open);
            truth = open;
            prop_assert_eq!(edges.open_after(told_open), truth);
        }
        let mut open = told_open;
        let mut count = 0;
        while let Some(edge) = edges.front() {
            prop_assert_eq!(edge == Edge::Opened, !open);
            open = !open;
            count += 1;
            edges.pop();
        }
        prop_assert!(count <= EDGES_LIMIT);
        prop_assert_eq!(open, truth);
    }
}
