//! A session: the life of one port with its handler, from the start of the
//! device to the port's removal, through restarts of its plugin.
//!
//! `task` owns all of it. [`port`] is what the guest and the session share of a
//! port: its rings, the bytes that wait for the guest, and (`edges`) its opens
//! and closes that the plugin was not told yet. `plugin_host` is what the
//! plugin's imports reach; `recovery` says how long a plugin that failed rests.
//! `counters`, `calls` and `measures` say what happened, for anyone to read.
//!
//! A session does not know which door its rings came through.

mod byte_queue;
mod calls;
mod counters;
mod edges;
mod inbox;
mod measures;
mod plugin_host;
pub mod port;
mod recipe;
mod recovery;
mod task;
mod timers;

pub use calls::{BOUNDS_NS, CallTimes, CallTimesNow, Calls, Export, Failed};
pub use counters::Counters;
pub(crate) use counters::get;
pub use edges::CloseCause;
pub use measures::{Measures, MeasuresNow};
pub use port::{Port, PortState};
pub use recipe::Recipe;
pub use recipe::StartFault;
pub use task::{Order, Session, discard};
