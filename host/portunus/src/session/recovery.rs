//! Whether, and how soon, a plugin that failed is replaced. Pure: the caller
//! brings the time.

use std::time::{Duration, Instant};

use schemars::JsonSchema;

/// The first rest. Linux's driver cannot see a port that is closed for less.
pub(super) const FIRST_REST: Duration = Duration::from_millis(100);

/// The longest rest: an operator who mends the cause waits no longer.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(10);

/// A plugin that ran this long without a failure starts anew at
/// [`FIRST_REST`].
pub(super) const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// What becomes of a port whose plugin failed more often than its budget
/// allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum PastBudget {
    /// The guest sees the port closed, for good.
    #[default]
    Close,
    /// The port stays open to the guest, and what it writes is discarded.
    Drain,
    /// The machine is not to run without this port: the program stops, in
    /// order.
    StopVm,
}

/// How often a plugin that fails is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// How many failures within the time are answered by a new instance.
    pub budget: usize,
    /// The time in which failures are counted together.
    pub within: Duration,
    /// What follows the failure after those.
    pub then: PastBudget,
}

/// Ten failures in ten minutes: a plugin that fails at every start has used
/// them up in less than a minute, and one that fails once a minute, which is
/// forgiven each time, in ten.
impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            budget: 10,
            within: Duration::from_secs(600),
            then: PastBudget::default(),
        }
    }
}

impl RestartPolicy {
    /// The least time in which the budget can be used up, by the rests alone.
    pub fn least_time(&self) -> Duration {
        let rests = std::iter::successors(Some(FIRST_REST), |rest| Some(longer(*rest)));
        rests.take(self.budget).sum()
    }
}

/// The restarts of one session.
#[derive(Debug)]
pub(super) struct Recovery {
    policy: RestartPolicy,
    last: Option<(Instant, Duration)>,
    /// The failures that count, at most as many as the budget, oldest first.
    counted: Vec<Instant>,
}

impl Recovery {
    /// No failure yet.
    pub(super) fn new(policy: RestartPolicy) -> Self {
        Self {
            policy,
            last: None,
            counted: Vec::new(),
        }
    }

    /// Notes a failure and tells how long to rest: 100 ms at first, doubled by
    /// each failure within a minute of the end of the rest before, 10 s at
    /// most. `None`: the budget is used up.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        let within = self.policy.within;
        self.counted
            .retain(|failure| now.duration_since(*failure) < within);
        if self.counted.len() >= self.policy.budget {
            return None;
        }
        self.counted.push(now);
        let rest = match self.last {
            Some((at, rest)) if now.duration_since(at) < rest.saturating_add(FORGIVEN_AFTER) => {
                longer(rest)
            }
            _ => FIRST_REST,
        };
        self.last = Some((now, rest));
        Some(rest)
    }
}

fn longer(rest: Duration) -> Duration {
    rest.saturating_mul(2).min(LONGEST_REST)
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
