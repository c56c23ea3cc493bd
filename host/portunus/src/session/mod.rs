//! A session: the life of one port with its handler, from the start of the
//! device to the port's removal, through restarts of its plugin.
//!
//! `task` owns all of it. [`port`] is what the guest and the session share of a
//! port: its rings, the bytes that wait for the guest, and (`edges`) its opens
//! and closes that the plugin was not told yet. [`Channels`] are those beside it. [`Handler`] is what `task` asks
//! of a plugin, or of what stands in its place; `plugin_host` is what the
//! plugin's imports reach. `limits` says what a port may use up, `throttle` (by
//! `token_bucket`) holds its bytes to a rate, and `strikes` counts how often a
//! limit struck. `recovery` says whether, and how soon, a plugin that failed is
//! replaced, `crash_report` what its author is told, and `alarm` that the program
//! must stop. `counters`, `calls` and `measures` say what happened, for anyone to
//! read.
//!
//! A session does not know which door its rings came through.

mod alarm;
mod byte_queue;
mod calls;
mod channels;
mod counters;
mod crash_report;
mod edges;
mod handler;
mod inbox;
mod limits;
mod measures;
mod plugin_host;
pub mod port;
#[cfg(test)]
mod port_rig;
mod recipe;
mod recovery;
mod strikes;
mod task;
mod throttle;
mod timers;
mod token_bucket;

pub use alarm::{Alarm, AlarmBell};
pub use calls::{BOUNDS_NS, CallTimes, CallTimesNow, Calls, Export, Failed};
pub use channels::{Channels, Listen};
pub(crate) use counters::get;
pub use counters::{Counters, PeerCounters};
pub use edges::CloseCause;
pub use handler::{Handler, HandlerRecipe};
pub use limits::PortLimits;
pub use measures::{Measures, MeasuresNow};
pub use plugin_host::PluginHost;
pub use port::{Port, PortState};
pub use recipe::Recipe;
pub use recipe::StartFault;
pub use recovery::{PastBudget, RestartPolicy};
pub use strikes::Strikes;
pub use task::{Order, Session, discard};
