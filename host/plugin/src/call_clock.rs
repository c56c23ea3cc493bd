//! The clock of one call into a plugin: the time it computes, and the time it
//! takes altogether.
//!
//! Computing time is the thread's own CPU time, so that a plugin does not pay
//! for a busy machine. It is read only once a call has lasted into the next
//! epoch; most calls are over before, and cost no clock at all.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::engine::Engine;
use crate::limits::{LimitStruck, Limits};
use crate::ticker::TICK;

/// Stands in `slice_start_ns` while nobody has read the clock.
const NOT_MEASURED: u64 = u64::MAX;

/// Bounds the calls of one instance. The instance's store shares it, for the
/// epochs that pass while the plugin computes.
pub(crate) struct CallClock {
    engine: Engine,
    cpu_limit: Duration,
    wall_limit: Duration,
    /// Computing time of this call up to its current slice. Only one task
    /// touches these: atomics make them shareable, and are not a lock.
    used_ns: AtomicU64,
    slice_start_ns: AtomicU64,
}

impl CallClock {
    pub(crate) fn new(engine: Engine, limits: &Limits) -> Self {
        Self {
            engine,
            cpu_limit: limits.cpu,
            wall_limit: limits.wall,
            used_ns: AtomicU64::new(0),
            slice_start_ns: AtomicU64::new(NOT_MEASURED),
        }
    }

    /// Runs one call, and fails with the [`LimitStruck`] when it takes longer
    /// than the wall-clock limit. Dropping it drops the call.
    pub(crate) async fn run<T>(
        &self,
        call: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        self.used_ns.store(0, Relaxed);
        self.slice_start_ns.store(NOT_MEASURED, Relaxed);
        let mut call = pin!(call);
        let mut alarm = None;
        poll_fn(|context| {
            if alarm.is_some() {
                self.slice_start_ns.store(thread_cpu_ns(), Relaxed);
            }
            let computing = self.engine.ticker().computing();
            if let Poll::Ready(outcome) = call.as_mut().poll(context) {
                return Poll::Ready(outcome);
            }
            drop(computing);
            self.end_slice();
            // Only a call that did not finish at once needs an alarm.
            let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.wall_limit)));
            alarm.as_mut().poll(context).map(|()| {
                Err(LimitStruck::Wall {
                    limit: self.wall_limit,
                }
                .into())
            })
        })
        .await
    }

    /// An epoch passed while the plugin computed: counts the time.
    pub(crate) fn epoch_passed(&self) -> Result<(), LimitStruck> {
        let now_ns = thread_cpu_ns();
        let slice_ns = match self.slice_start_ns.swap(now_ns, Relaxed) {
            // The call's first epoch: it has computed for a tick at most.
            NOT_MEASURED => u64::try_from(TICK.as_nanos()).unwrap_or(u64::MAX),
            start_ns => now_ns.saturating_sub(start_ns),
        };
        if self.charge(slice_ns) > self.cpu_limit {
            return Err(LimitStruck::Cpu {
                limit: self.cpu_limit,
            });
        }
        Ok(())
    }

    /// Counts what was computed between the last epoch and a wait.
    fn end_slice(&self) {
        let start_ns = self.slice_start_ns.load(Relaxed);
        if start_ns != NOT_MEASURED {
            self.charge(thread_cpu_ns().saturating_sub(start_ns));
        }
    }

    fn charge(&self, slice_ns: u64) -> Duration {
        let used_ns = self.used_ns.load(Relaxed).saturating_add(slice_ns);
        self.used_ns.store(used_ns, Relaxed);
        Duration::from_nanos(used_ns)
    }
}

/// CPU time of this thread, in nanoseconds.
fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}
