//! The messages of the vdagent protocol that clipboards are made of, as bytes
//! and back (`vd_agent.h`).

use crate::capabilities::{Capabilities, Form};
use crate::chunks::{self, Party};
use crate::fixed::u32_at;
use crate::kinds::{ContentType, Selection, TypeSet};
use crate::stream;

/// `VD_AGENT_*`, of messages that are read or written here.
pub(crate) mod number {
    pub(crate) const CLIPBOARD: u32 = 4;
    pub(crate) const ANNOUNCE_CAPABILITIES: u32 = 6;
    pub(crate) const CLIPBOARD_GRAB: u32 = 7;
    pub(crate) const CLIPBOARD_REQUEST: u32 = 8;
    pub(crate) const CLIPBOARD_RELEASE: u32 = 9;
    pub(crate) const CLIENT_DISCONNECTED: u32 = 13;
    pub(crate) const MAX_CLIPBOARD: u32 = 14;
}

/// `VD_AGENT_CLIPBOARD_NONE`.
pub(crate) const NO_TYPE: u32 = 0;

/// `VD_AGENT_MAX_DATA_SIZE`: bytes in one chunk, more than which an agent takes
/// for a stream that is out of step.
pub(crate) const MAX_CHUNK_BYTES: usize = 2048;

/// The longest body that is looked at whole: capabilities and grabs, which have
/// a few words. A longer one has nothing that we could know.
pub(crate) const MAX_SMALL_BYTES: u32 = 1024;

/// Bytes before the content of a clipboard message: its type, and before that,
/// in the newer form, its selection.
pub(crate) const fn content_prefix_bytes(form: Form) -> usize {
    if form.selection { 8 } else { 4 }
}

/// What the guest's agent says, but for content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentMessage {
    /// What it can do, and whether it wants to know what we can.
    Announce {
        /// Whether an answer is wanted.
        wants_ours: bool,
        /// What it can do.
        theirs: Capabilities,
    },
    /// The guest has something to offer.
    Grab {
        /// Where.
        selection: Selection,
        /// The grab's number, in the form that has them.
        serial: Option<u32>,
        /// What it can be had as; what we do not know is left out.
        types: TypeSet,
    },
    /// The guest wants what we offer.
    Request {
        /// Where.
        selection: Selection,
        /// `VD_AGENT_CLIPBOARD_*`: as what, known to us or not.
        wire_type: u32,
    },
    /// The guest offers nothing any more.
    Release {
        /// Where.
        selection: Selection,
    },
}

/// Why a message of the agent's is not heeded. The guest's fault, or no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ignored {
    /// It is not about clipboards, or not for a client.
    OtherMatter,
    /// Of another protocol.
    Protocol,
    /// Too short, too long, or about a selection that there is not.
    Malformed,
    /// Content that nobody asked for.
    Unasked,
}

impl AgentMessage {
    /// Reads a message of this number; its body is whole.
    ///
    /// # Errors
    ///
    /// Why it is not heeded.
    pub fn parse(number: u32, body: &[u8], form: Form) -> Result<Self, Ignored> {
        let parsed = match number {
            number::ANNOUNCE_CAPABILITIES => parse_announce(body),
            number::CLIPBOARD_GRAB => parse_grab(body, form),
            number::CLIPBOARD_REQUEST => parse_request(body, form),
            number::CLIPBOARD_RELEASE => parse_release(body, form),
            _ => return Err(Ignored::OtherMatter),
        };
        parsed.ok_or(Ignored::Malformed)
    }
}

fn parse_announce(body: &[u8]) -> Option<AgentMessage> {
    Some(AgentMessage::Announce {
        wants_ours: u32_at(body, 0)? != 0,
        theirs: Capabilities::from_bits(u32_at(body, 4).unwrap_or_default()),
    })
}

fn parse_grab(body: &[u8], form: Form) -> Option<AgentMessage> {
    let (selection, body) = split_selection(body, form)?;
    let (serial, body) = match form.serial {
        true => (Some(u32_at(body, 0)?), body.get(4..)?),
        false => (None, body),
    };
    let (words, _rest) = body.as_chunks();
    let numbers = words.iter().map(|word| u32::from_le_bytes(*word));
    Some(AgentMessage::Grab {
        selection,
        serial,
        types: numbers.filter_map(ContentType::from_wire).collect(),
    })
}

fn parse_request(body: &[u8], form: Form) -> Option<AgentMessage> {
    let (selection, body) = split_selection(body, form)?;
    Some(AgentMessage::Request {
        selection,
        wire_type: u32_at(body, 0)?,
    })
}

fn parse_release(body: &[u8], form: Form) -> Option<AgentMessage> {
    // spice-vdagentd leaves the padding out when its session ends.
    let selection = match (form.selection, body) {
        (true, [number, ..]) => Selection::from_wire(*number)?,
        (true, []) => return None,
        (false, _) => Selection::Clipboard,
    };
    Some(AgentMessage::Release { selection })
}

/// The selection that a body begins with, and the rest. The three bytes after
/// its number are padding.
fn split_selection(body: &[u8], form: Form) -> Option<(Selection, &[u8])> {
    if !form.selection {
        return Some((Selection::Clipboard, body));
    }
    let (head, rest) = body.split_at_checked(4)?;
    Some((Selection::from_wire(*head.first()?)?, rest))
}

/// What a content's prefix says: where, and the number of its type.
pub(crate) fn parse_content_prefix(prefix: &[u8], form: Form) -> Option<(Selection, u32)> {
    let (selection, rest) = split_selection(prefix, form)?;
    Some((selection, u32_at(rest, 0)?))
}

/// What we say, but for content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OurMessage {
    /// What we can do, and whether we want to know what the agent can.
    Announce {
        /// Whether an answer is wanted.
        wants_theirs: bool,
    },
    /// The largest content that we take, in bytes.
    MaxClipboard(i32),
    /// We have something to offer.
    Grab {
        /// Where.
        selection: Selection,
        /// The grab's number, in the form that has them.
        serial: u32,
        /// What it can be had as.
        kind: ContentType,
    },
    /// We want what the guest offers.
    Request {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentType,
    },
    /// We offer nothing any more.
    Release {
        /// Where.
        selection: Selection,
    },
    /// What the guest asked for is not to be had.
    NoContent {
        /// Where.
        selection: Selection,
        /// As what it was asked for.
        wire_type: u32,
    },
    /// Nobody is at the clipboard's other end any more.
    Disconnected,
}

impl OurMessage {
    /// The message with its header and its chunk's; it is short enough for one.
    pub fn to_bytes(self, form: Form) -> Vec<u8> {
        let (number, body) = self.body(form);
        // Whatever of a client's message was on its way, this one is the server's.
        let party = match self {
            Self::Disconnected => Party::Server,
            _ => Party::Client,
        };
        let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::from(chunk_header(
            party,
            stream::HEADER_BYTES.saturating_add(body.len()),
        ));
        bytes.extend(message_header(number, size));
        bytes.extend(body);
        bytes
    }

    fn body(self, form: Form) -> (u32, Vec<u8>) {
        let about = |selection: Selection, words: &[u32]| {
            let mut body = selection_prefix(selection, form);
            words
                .iter()
                .for_each(|word| body.extend(word.to_le_bytes()));
            body
        };
        match self {
            Self::Announce { wants_theirs } => {
                let words = [u32::from(wants_theirs), Capabilities::OURS.bits()];
                let body = words.into_iter().flat_map(u32::to_le_bytes).collect();
                (number::ANNOUNCE_CAPABILITIES, body)
            }
            Self::MaxClipboard(bytes) => (number::MAX_CLIPBOARD, bytes.to_le_bytes().into()),
            Self::Grab {
                selection,
                serial,
                kind,
            } => {
                let body = match form.serial {
                    true => about(selection, &[serial, kind.wire()]),
                    false => about(selection, &[kind.wire()]),
                };
                (number::CLIPBOARD_GRAB, body)
            }
            Self::Request { selection, kind } => {
                (number::CLIPBOARD_REQUEST, about(selection, &[kind.wire()]))
            }
            Self::Release { selection } => (number::CLIPBOARD_RELEASE, about(selection, &[])),
            Self::NoContent {
                selection,
                wire_type,
            } => (number::CLIPBOARD, about(selection, &[wire_type])),
            Self::Disconnected => (number::CLIENT_DISCONNECTED, Vec::new()),
        }
    }
}

/// The head of a message with content: its header, and what its body begins
/// with. No chunk's header is in it.
pub(crate) fn content_head(
    selection: Selection,
    kind: ContentType,
    size: u32,
    form: Form,
) -> Vec<u8> {
    let mut prefix = selection_prefix(selection, form);
    prefix.extend(kind.wire().to_le_bytes());
    let prefix_bytes = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
    let mut head = Vec::from(message_header(
        number::CLIPBOARD,
        size.saturating_add(prefix_bytes),
    ));
    head.extend(prefix);
    head
}

/// The header of a chunk of ours with this many bytes.
pub(crate) fn chunk_header(party: Party, bytes: usize) -> [u8; chunks::HEADER_BYTES] {
    let size = u32::try_from(bytes).unwrap_or(u32::MAX);
    words_to_bytes([party.wire(), size])
}

fn message_header(number: u32, size: u32) -> [u8; stream::HEADER_BYTES] {
    let opaque = 0;
    words_to_bytes([stream::PROTOCOL, number, opaque, opaque, size])
}

/// Little endian, as the whole protocol is.
fn words_to_bytes<const WORDS: usize, const BYTES: usize>(words: [u32; WORDS]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let all = words.into_iter().flat_map(u32::to_le_bytes);
    bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
    bytes
}

fn selection_prefix(selection: Selection, form: Form) -> Vec<u8> {
    match form.selection {
        true => vec![selection.wire(), 0, 0, 0],
        false => Vec::new(),
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
