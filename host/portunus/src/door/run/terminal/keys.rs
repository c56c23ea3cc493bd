//! What a user types: the guest's, but for two keys of ours, as in QEMU.

/// Ctrl-A: what follows may be for us.
const ESCAPE: u8 = 0x01;

/// What has been typed so far, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Ctrl-A came, and nothing after it.
    escaped: bool,
}

impl Keys {
    /// Takes what was typed: the guest's part of it, and how often the user wants
    /// to leave, by Ctrl-A X. Ctrl-A Ctrl-A is one Ctrl-A for the guest; before
    /// anything else it is the guest's with what follows.
    pub(super) fn take(&mut self, typed: &[u8]) -> (Vec<u8>, usize) {
        let mut bytes = Vec::with_capacity(typed.len());
        let mut leaves: usize = 0;
        for byte in typed {
            match (self.escaped, *byte) {
                (false, ESCAPE) => {
                    self.escaped = true;
                    continue;
                }
                (true, b'x' | b'X') => leaves = leaves.saturating_add(1),
                (true, ESCAPE) => bytes.push(ESCAPE),
                (true, other) => bytes.extend([ESCAPE, other]),
                (false, other) => bytes.push(other),
            }
            self.escaped = false;
        }
        (bytes, leaves)
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
