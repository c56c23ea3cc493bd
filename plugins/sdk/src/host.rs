//! Where the contract's imports come from: the host, or for native tests the
//! one in [`testing`](crate::testing).

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::portunus::port::{channel, lifecycle, log, metrics, timer};

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::imports::{channel, lifecycle, log, metrics, timer};
