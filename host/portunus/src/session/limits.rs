//! What a port may use up beside its plugin.

/// The limits of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortLimits {
    /// Bytes that wait for the guest. 64 KiB: one full delivery of `on-data`,
    /// so that a plugin that answers byte for byte need not keep any of it.
    pub outbox_bytes: u64,
    /// What a console's plugin may be behind the guest, in bytes, before bytes
    /// are dropped. 64 KiB: some 800 lines, a boot's worth.
    pub backlog_bytes: u64,
    /// Timers that an instance has set at once. 64: a plugin with more things
    /// to wait for keeps a list of its own behind one timer.
    pub timers: u64,
    /// Channels at once beside the guest's. 64: the clients and connections of
    /// which nobody says more, three times.
    pub channels: u64,
    /// Connections to targets at once, those included that are on their way. 8:
    /// one for each open of the guest, and some that are ending.
    pub connects: u64,
    /// Names of its plugins' metrics, of each kind. 64: what a person looks at.
    pub metrics: u64,
    /// Bytes in a second, each way. No bound: a plugin's time is bounded by
    /// other limits, and what is not read waits in the guest.
    pub bytes_per_second: Option<u64>,
}

impl PortLimits {
    /// What a port may use up where nobody says otherwise.
    pub const DEFAULT: Self = Self {
        outbox_bytes: 64 << 10,
        backlog_bytes: 64 << 10,
        timers: 64,
        channels: 64,
        connects: 8,
        metrics: 64,
        bytes_per_second: None,
    };
}

impl Default for PortLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
