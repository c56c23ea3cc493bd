//! Bytes of a known number that come in pieces: headers.

/// The first `N` bytes of something, as far as they have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fixed<const N: usize> {
    bytes: [u8; N],
    have: usize,
}

impl<const N: usize> Default for Fixed<N> {
    fn default() -> Self {
        Self {
            bytes: [0; N],
            have: 0,
        }
    }
}

impl<const N: usize> Fixed<N> {
    /// Takes what is still wanted; returns how many bytes that was.
    pub(crate) fn fill(&mut self, data: &[u8]) -> usize {
        let wanted = self.bytes.iter_mut().skip(self.have);
        let taken = wanted.zip(data).map(|(to, from)| *to = *from).count();
        self.have = self.have.saturating_add(taken);
        taken
    }

    /// All of them, once they have come; the next begin anew.
    pub(crate) fn take(&mut self) -> Option<[u8; N]> {
        (self.have == N).then(|| std::mem::take(self).bytes)
    }
}

/// A 32-bit number, little endian, that begins at this byte.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*word))
}
