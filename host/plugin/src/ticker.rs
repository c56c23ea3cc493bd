//! The epoch ticker: one thread that advances the engine's epoch while some
//! plugin computes, so that a busy plugin yields and its time is counted.
//!
//! It is parked when no plugin runs: an idle process has no wake-ups. It parks
//! only after [`LINGER_TICKS`] quiet ticks, so that a call in steady traffic
//! costs two atomic additions and no system call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How long a busy plugin computes before it lets others run. Shorter costs
/// more switches, longer delays the other ports of its thread.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without any call after which the thread parks.
const LINGER_TICKS: u32 = 16;

/// Advances an engine's epoch once a [`TICK`] while a plugin computes.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    /// How often a plugin began to compute, and how often one left off. Equal
    /// when none computes now.
    entered: AtomicU64,
    left: AtomicU64,
    parked: AtomicBool,
    stopping: AtomicBool,
}

/// A plugin computes as long as this lives.
pub(crate) struct Computing<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread, which ends with the engine or with this ticker.
    pub(crate) fn start(engine: EngineWeak) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ticking = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("plugin-epochs".to_owned())
            .spawn(move || tick(&ticking, &engine))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Says that a plugin computes from now on, on this thread.
    pub(crate) fn computing(&self) -> Computing<'_> {
        // Sequentially consistent with `park`: either it sees this entry, or
        // this sees that it has parked.
        self.shared.entered.fetch_add(1, SeqCst);
        if self.shared.parked.load(SeqCst) {
            self.thread.unpark();
        }
        Computing(&self.shared)
    }

    /// Whether the thread sleeps until the next call.
    #[cfg(test)]
    pub(crate) fn is_parked(&self) -> bool {
        self.shared.parked.load(SeqCst)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopping.store(true, SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.left.fetch_add(1, SeqCst);
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut seen = 0;
    let mut quiet_ticks = 0_u32;
    while !shared.stopping.load(SeqCst) {
        // `left` first: an entry that comes in between makes them differ.
        let left = shared.left.load(SeqCst);
        let entered = shared.entered.load(SeqCst);
        quiet_ticks = if entered == left && entered == seen {
            quiet_ticks.saturating_add(1)
        } else {
            0
        };
        seen = entered;
        if quiet_ticks > LINGER_TICKS {
            park(shared, entered);
            quiet_ticks = 0;
        }
        thread::sleep(TICK);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}

/// Parks until a plugin computes after the `entered`th.
fn park(shared: &Shared, entered: u64) {
    shared.parked.store(true, SeqCst);
    while shared.entered.load(SeqCst) == entered && !shared.stopping.load(SeqCst) {
        thread::park();
    }
    shared.parked.store(false, SeqCst);
}

#[cfg(test)]
#[path = "ticker_tests.rs"]
mod tests;
