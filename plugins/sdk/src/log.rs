//! Words for the host's log, which labels them with the VM and the port. A
//! message is cut at 4 KiB, and past 200 messages a second they are dropped
//! and counted.
//!
//! Give a text, or `format_args!("{path}: {error}")`.

use std::fmt::Display;

pub use crate::bindings::portunus::port::log::Level;
use crate::host::log as host;

/// Something is lost, or does not work.
pub fn error(message: impl Display) {
    write(Level::Error, message);
}

/// Something may go wrong, or was put right.
pub fn warn(message: impl Display) {
    write(Level::Warn, message);
}

/// What an operator would want to see.
pub fn info(message: impl Display) {
    write(Level::Info, message);
}

/// What the plugin's author would want to see.
pub fn debug(message: impl Display) {
    write(Level::Debug, message);
}

/// Everything.
pub fn trace(message: impl Display) {
    write(Level::Trace, message);
}

fn write(level: Level, message: impl Display) {
    host::log(level, &message.to_string());
}
