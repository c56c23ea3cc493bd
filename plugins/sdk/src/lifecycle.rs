//! The plugin's side of an orderly stop.

/// Says that all that [`on_stop`](crate::Plugin::on_stop) asked for is done and
/// safe, so that the host need not wait for the rest of the grace.
pub fn stopped() {
    crate::host::lifecycle::stopped();
}
