//! The lower layer of the vdagent protocol: the stream of the port is cut into
//! chunks, each for one of two receivers (`VDIChunkHeader` in `vd_agent.h`).

use crate::fixed::{Fixed, u32_at};

/// Bytes of a chunk's header: `port` and `size`.
pub(crate) const HEADER_BYTES: usize = 8;

/// Who a chunk of the guest's is for, or one of ours is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    /// The one at the screen: the clipboard's other end.
    Client,
    /// The machine's monitor, which has the mouse.
    Server,
}

impl Party {
    /// `VDP_CLIENT_PORT` and `VDP_SERVER_PORT`.
    pub(crate) const fn wire(self) -> u32 {
        match self {
            Self::Client => 1,
            Self::Server => 2,
        }
    }

    fn from_wire(number: u32) -> Option<Self> {
        [Self::Client, Self::Server]
            .into_iter()
            .find(|party| party.wire() == number)
    }
}

/// Why nothing more can be read of a guest's stream: where the next chunk or
/// message begins is not known any more. The guest's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostSync {
    /// A chunk is for nobody. Has the number.
    Party(u32),
    /// A chunk is larger than what is left of its message.
    ChunkPastMessage,
}

impl std::fmt::Display for LostSync {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Party(number) => write!(f, "a chunk is for port {number}, not 1 or 2"),
            Self::ChunkPastMessage => f.write_str("a chunk is larger than its message"),
        }
    }
}

/// Bytes of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload<'a> {
    pub(crate) party: Party,
    /// At least one, where there are any.
    pub(crate) bytes: &'a [u8],
    /// What is left of the chunk, these bytes included.
    pub(crate) chunk_left: u32,
}

/// Finds the chunks of a stream. Keeps a header, and nothing of a chunk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunks {
    header: Fixed<HEADER_BYTES>,
    /// The chunk that has begun: whose, and what is to come of it.
    chunk: Option<(Party, u32)>,
}

impl Chunks {
    /// Those of these bytes that are of the chunk that has begun, if one has.
    pub(crate) fn payload<'a>(&self, data: &'a [u8]) -> Option<Payload<'a>> {
        let (party, chunk_left) = self.chunk?;
        let length = data.len().min(chunk_left.try_into().unwrap_or(usize::MAX));
        Some(Payload {
            party,
            bytes: data.get(..length).unwrap_or_default(),
            chunk_left,
        })
    }

    /// As many bytes of the chunk have been taken.
    pub(crate) fn consume(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.chunk = self.chunk.and_then(|(party, left)| {
            let left = left.saturating_sub(bytes);
            (left > 0).then_some((party, left))
        });
    }

    /// Takes bytes of the next chunk's header; returns how many that was.
    pub(crate) fn fill_header(&mut self, data: &[u8]) -> Result<usize, LostSync> {
        let taken = self.header.fill(data);
        if let Some(header) = self.header.take() {
            self.chunk = begin(&header)?;
        }
        Ok(taken)
    }
}

/// What a header says; nothing for an empty chunk.
fn begin(header: &[u8; HEADER_BYTES]) -> Result<Option<(Party, u32)>, LostSync> {
    let (number, size) = (
        u32_at(header, 0).unwrap_or_default(),
        u32_at(header, 4).unwrap_or_default(),
    );
    let party = Party::from_wire(number).ok_or(LostSync::Party(number))?;
    Ok((size > 0).then_some((party, size)))
}
