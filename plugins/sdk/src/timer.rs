//! Timers. They end with the instance that set them.

use std::time::Duration;

use crate::TimerError;
use crate::host::timer as host;

/// Has [`on_timer`](crate::Plugin::on_timer) called with `token`, once, after
/// at least this long; a part of a millisecond counts as a whole one. A timer
/// already set with that token is moved.
///
/// # Errors
///
/// As many timers are set as the port's limit allows (64).
pub fn set(token: u64, after: Duration) -> Result<(), TimerError> {
    let after_ms = after.as_nanos().div_ceil(1_000_000);
    host::set(token, u64::try_from(after_ms).unwrap_or(u64::MAX))
}

/// Forgets a timer. Does nothing to one that is not set.
pub fn cancel(token: u64) {
    host::cancel(token);
}
