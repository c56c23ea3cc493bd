//! The guest's stream as messages (`VDAgentMessage` in `vd_agent.h`): one begins,
//! its body comes in pieces, it ends. Keeps nothing of a body.
//!
//! A chunk never reaches past its message: spice-server and spice-vdagentd take
//! that for a stream that is out of step, and so does this.

use crate::chunks::{Chunks, LostSync, Party, Payload};
use crate::fixed::{Fixed, u32_at};

/// Bytes of a message's header: `protocol`, `type`, `opaque`, `size`.
pub(crate) const HEADER_BYTES: usize = 20;

/// `VD_AGENT_PROTOCOL`.
pub(crate) const PROTOCOL: u32 = 1;

/// What a message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageHeader {
    /// The version of the protocol.
    pub protocol: u32,
    /// `VD_AGENT_*`: what the message is about.
    pub number: u32,
    /// Bytes of its body, as the guest says.
    pub size: u32,
}

/// What comes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// A message begins.
    Begin(MessageHeader),
    /// The next bytes of its body, at least one.
    Body(&'a [u8]),
    /// It has ended.
    End,
    /// This many bytes were not for us.
    ForServer(usize),
}

/// Where the stream stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// In a message's header.
    #[default]
    Header,
    /// This many bytes of a body are to come.
    Body(u32),
}

/// Finds the messages of a guest's stream.
#[derive(Debug, Clone, Default)]
pub struct GuestStream {
    chunks: Chunks,
    header: Fixed<HEADER_BYTES>,
    stage: Stage,
}

impl GuestStream {
    /// Takes bytes until there is something to say, or there are none. Returns
    /// how many it took: none at all for a message's end.
    ///
    /// # Errors
    ///
    /// What makes no sense. The stream is of no use from there on.
    pub fn feed<'a>(&mut self, data: &'a [u8]) -> Result<(usize, Option<Part<'a>>), LostSync> {
        if self.stage == Stage::Body(0) {
            self.stage = Stage::Header;
            return Ok((0, Some(Part::End)));
        }
        let Some(payload) = self.chunks.payload(data) else {
            return Ok((self.chunks.fill_header(data)?, None));
        };
        if payload.bytes.is_empty() {
            return Ok((0, None));
        }
        let (taken, part) = match payload.party {
            Party::Server => (
                payload.bytes.len(),
                Some(Part::ForServer(payload.bytes.len())),
            ),
            Party::Client => self.take(payload)?,
        };
        self.chunks.consume(taken);
        Ok((taken, part))
    }

    fn take<'a>(&mut self, payload: Payload<'a>) -> Result<(usize, Option<Part<'a>>), LostSync> {
        let Payload {
            bytes, chunk_left, ..
        } = payload;
        match self.stage {
            Stage::Header => {
                let taken = self.header.fill(bytes);
                let Some(header) = self.header.take().map(|bytes| parse(&bytes)) else {
                    return Ok((taken, None));
                };
                let rest = chunk_left.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
                if rest > header.size {
                    return Err(LostSync::ChunkPastMessage);
                }
                self.stage = Stage::Body(header.size);
                Ok((taken, Some(Part::Begin(header))))
            }
            Stage::Body(left) => {
                if chunk_left > left {
                    return Err(LostSync::ChunkPastMessage);
                }
                let taken = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                self.stage = Stage::Body(left.saturating_sub(taken));
                Ok((bytes.len(), Some(Part::Body(bytes))))
            }
        }
    }
}

fn parse(header: &[u8; HEADER_BYTES]) -> MessageHeader {
    let word = |at| u32_at(header, at).unwrap_or_default();
    // Eight bytes from 8 on are `opaque`, which nobody uses.
    MessageHeader {
        protocol: word(0),
        number: word(4),
        size: word(16),
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
