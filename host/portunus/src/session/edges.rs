//! The guest's opens and closes of one port, in order, until the plugin has
//! been told of them.

use std::collections::VecDeque;

use portunus_device::ring::RingIndex;

/// How many opens and closes wait at most. A guest that opens and closes a
/// port over and over while its plugin is busy must not grow a list of ours;
/// past this the oldest open period is joined to the one after it: no byte is
/// lost, only the boundary between the two.
pub(super) const EDGES_LIMIT: usize = 64;

/// Why a port closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCause {
    /// A guest's program closed it.
    Guest,
    /// The guest's device went away with the port open: it was reset, its
    /// front end left, or the port was removed. The words are for the plugin.
    Lost(&'static str),
}

/// One change of the guest's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// A guest's program opened the port.
    Opened,
    /// The port closed. Chains before `up_to` belong to the period that ends;
    /// `None` where the ring is gone, and with it what was left in it.
    Closed {
        /// The transmit queue's available index when it closed.
        up_to: Option<RingIndex>,
        /// Who closed it.
        cause: CloseCause,
    },
}

/// The changes that the plugin has not been told of.
#[derive(Debug, Default)]
pub(super) struct Edges {
    waiting: VecDeque<Edge>,
}

impl Edges {
    /// Whether the guest's end is open once all that waits has been told, given
    /// whether the plugin believes it is open now.
    pub(super) fn open_after(&self, told_open: bool) -> bool {
        match self.waiting.back() {
            None => told_open,
            Some(edge) => *edge == Edge::Opened,
        }
    }

    /// Notes an edge. One that changes nothing is not noted: the caller tells
    /// what the plugin believes.
    pub(super) fn push(&mut self, edge: Edge, told_open: bool) {
        if self.open_after(told_open) == (edge == Edge::Opened) {
            return;
        }
        if self.waiting.len() >= EDGES_LIMIT {
            self.join_oldest(told_open);
        }
        self.waiting.push_back(edge);
    }

    /// Joins the two oldest open periods by forgetting the close between them
    /// and the open that follows it.
    fn join_oldest(&mut self, told_open: bool) {
        let first_close = usize::from(!told_open);
        // A list at its limit is longer than this.
        self.waiting
            .drain(first_close..first_close.saturating_add(2));
    }

    /// The rings are gone: what a close was still waiting for will not come.
    pub(super) fn forget_boundaries(&mut self) {
        for edge in &mut self.waiting {
            if let Edge::Closed { up_to, .. } = edge {
                *up_to = None;
            }
        }
    }

    /// The oldest edge.
    pub(super) fn front(&self) -> Option<Edge> {
        self.waiting.front().copied()
    }

    /// Forgets the oldest edge.
    pub(super) fn pop(&mut self) {
        self.waiting.pop_front();
    }
}

#[cfg(test)]
#[path = "edges_tests.rs"]
mod tests;
