//! Whose turn it is: a lane of jobs for each client and one of our own, served
//! in turns, one job each. What is done for one lane is done in its order, one
//! at a time, so that a client's replies come as it asked.
//!
//! Pure, and knows nothing of what a job is.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Whose jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// This plugin's own.
    Own,
    /// The client's on the channel of this number.
    Client(u64),
}

/// One job, and since when it waits.
#[derive(Debug)]
struct Waiting<J> {
    job: J,
    since: Duration,
}

/// All lanes that have something to do.
#[derive(Debug)]
pub(crate) struct Queue<J> {
    lanes: BTreeMap<Lane, VecDeque<Waiting<J>>>,
    /// Who was served last.
    last: Option<Lane>,
}

impl<J> Default for Queue<J> {
    fn default() -> Self {
        Self {
            lanes: BTreeMap::new(),
            last: None,
        }
    }
}

impl<J> Queue<J> {
    /// How many jobs a lane has.
    pub(crate) fn len(&self, lane: Lane) -> usize {
        self.lanes.get(&lane).map_or(0, VecDeque::len)
    }

    /// Adds a job to the end of a lane.
    pub(crate) fn push(&mut self, lane: Lane, job: J, now: Duration) {
        let waiting = Waiting { job, since: now };
        self.lanes.entry(lane).or_default().push_back(waiting);
    }

    /// Adds a job to the front of a lane, and makes it that lane's turn.
    pub(crate) fn push_first(&mut self, lane: Lane, job: J, now: Duration) {
        let waiting = Waiting { job, since: now };
        self.lanes.entry(lane).or_default().push_front(waiting);
        self.last = self.lanes.range(..lane).next_back().map(|(lane, _)| *lane);
    }

    /// The job that is first in a lane.
    pub(crate) fn first(&self, lane: Lane) -> Option<&J> {
        Some(&self.lanes.get(&lane)?.front()?.job)
    }

    /// Takes the job that is first in a lane.
    pub(crate) fn take_first(&mut self, lane: Lane) -> Option<J> {
        let jobs = self.lanes.get_mut(&lane)?;
        let first = jobs.pop_front();
        if jobs.is_empty() {
            self.lanes.remove(&lane);
        }
        first.map(|waiting| waiting.job)
    }

    /// Takes the next job: the first of the lane after the one that was served
    /// last, of those that `is_ready` says can be served.
    pub(crate) fn take_next(&mut self, is_ready: impl Fn(Lane) -> bool) -> Option<(Lane, J)> {
        let after = |lane: &&Lane| self.last.is_none_or(|last| **lane > last);
        let lanes = || self.lanes.keys().filter(|lane| is_ready(**lane));
        let lane = *lanes().find(after).or_else(|| lanes().next())?;
        self.last = Some(lane);
        Some((lane, self.take_first(lane)?))
    }

    /// Every job, for changing what becomes of it, and since when it waits.
    pub(crate) fn jobs_mut(&mut self) -> impl Iterator<Item = (Lane, Duration, &mut J)> {
        self.lanes.iter_mut().flat_map(|(lane, jobs)| {
            let jobs = jobs.iter_mut();
            jobs.map(|waiting| (*lane, waiting.since, &mut waiting.job))
        })
    }

    /// Since when the oldest of those jobs waits that `is_meant` says.
    pub(crate) fn oldest(&self, is_meant: impl Fn(&J) -> bool) -> Option<Duration> {
        let first = |jobs: &VecDeque<Waiting<J>>| {
            let mut meant = jobs.iter().filter(|waiting| is_meant(&waiting.job));
            meant.next().map(|waiting| waiting.since)
        };
        self.lanes.values().filter_map(first).min()
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
