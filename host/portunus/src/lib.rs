//! Portunus, the program, as a library.

pub mod cache_folder;
pub mod client_sockets;
pub mod command;
pub mod config;
pub mod control;
pub mod demo;
pub mod door;
mod emergency;
pub mod escape;
pub mod guest;
pub mod kick;
pub mod launch;
pub mod listener;
pub mod logging;
pub mod metrics;
pub mod plugins;
mod rarely;
pub mod router;
pub mod session;
pub mod stop_signals;
