//! Numbers for the host's metrics, which labels them with the VM and the port.
//! At most 64 names a port, each at most 64 bytes of `a-z`, `0-9` and `_`.

use crate::host::metrics as host;

/// Adds to a counter.
pub fn count(name: &str, by: u64) {
    host::count(name, by);
}

/// Sets a gauge.
pub fn gauge(name: &str, value: f64) {
    host::gauge(name, value);
}
