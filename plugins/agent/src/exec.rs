//! What `guest-exec` and `guest-exec-status` return, as far as it matters here.

use serde::Deserialize;

/// A program that was started.
#[derive(Debug, Deserialize)]
pub(crate) struct Started {
    /// Its number, in the agent's own numbering.
    pub(crate) pid: i64,
}

/// How far a program is.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    /// Whether it has ended.
    pub(crate) exited: bool,
    /// With what, where it ended by itself.
    pub(crate) exitcode: Option<i64>,
    /// By which signal, where it did not.
    pub(crate) signal: Option<i64>,
}
