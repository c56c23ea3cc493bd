//! The metrics endpoint: OpenMetrics text over HTTP on a Unix socket.
//!
//! - [`page`]: what is shown, from one look at the counters.
//! - `families`: its metrics, as the encoder takes them.
//! - `endpoint`: the socket, its clients and their bounds.
//!
//! Owns the names that are shown (`docs/METRICS.md` lists them) and leaves
//! counting to the sessions. A look reads atomics, and takes a port's lock only
//! for the few numbers of [`crate::session::PortState`].

mod endpoint;
mod families;
pub mod page;

pub use endpoint::Endpoint;
