//! Whose handles are whose. The agent gives numbers to open files and to the
//! programs that it ran; here, each belongs to the client that asked for it, and
//! to nobody else.

use std::collections::BTreeMap;

use crate::rights::Handle;

/// Handles that one client may have at once. The agent itself has no bound, and
/// keeps what nobody closes.
pub(crate) const MAX_HANDLES: usize = 64;

/// Which client, by the number of its channel, has which handle.
#[derive(Debug, Default)]
pub(crate) struct Owned(BTreeMap<Handle, u64>);

impl Owned {
    /// Whether the client has this handle.
    pub(crate) fn has(&self, client: u64, handle: Handle) -> bool {
        self.0.get(&handle) == Some(&client)
    }

    /// Whether the client may have one more.
    pub(crate) fn has_room(&self, client: u64) -> bool {
        self.0.values().filter(|owner| **owner == client).count() < MAX_HANDLES
    }

    /// Gives a handle to a client; false where another has it, which keeps it.
    pub(crate) fn give(&mut self, client: u64, handle: Handle) -> bool {
        *self.0.entry(handle).or_insert(client) == client
    }

    /// Forgets a handle.
    pub(crate) fn forget(&mut self, handle: Handle) {
        self.0.remove(&handle);
    }

    /// Forgets all that a client has, and answers it.
    pub(crate) fn take_all(&mut self, client: u64) -> Vec<Handle> {
        let taken = self.0.extract_if(.., |_, owner| *owner == client);
        taken.map(|(handle, _)| handle).collect()
    }

    /// Forgets everything: the agent that gave the handles is gone.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
#[path = "owned_tests.rs"]
mod tests;
