//! What is on its way to the guest: messages in order, each whole, cut into
//! chunks as they go. Content is not copied until the guest takes it.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::capabilities::Form;
use crate::chunks::Party;
use crate::content::Content;
use crate::kinds::{ContentType, Selection};
use crate::message::{MAX_CHUNK_BYTES, OurMessage, chunk_header, content_head};

/// Bytes that are made ready at once: what one `send` of a plugin takes at most
/// of what a guest's ring may hold, and few enough to be kept.
const BLOCK_BYTES: usize = 64 << 10;

/// How many messages may wait before no more is taken from the guest: it does not
/// read, and whatever else it says could only add to them.
const MAX_WAITING: usize = 64;

/// How many of them may have content, which is kept until it is gone.
pub(crate) const MAX_WAITING_CONTENTS: usize = 2;

/// One message.
#[derive(Debug)]
enum Outgoing {
    /// Made ready.
    Bytes(Vec<u8>),
    /// Content: what goes before it, until it is gone, and how far it is.
    Content {
        head: Vec<u8>,
        content: Rc<Content>,
        piece: usize,
        within: usize,
    },
}

/// The messages that wait for the guest.
#[derive(Debug, Default)]
pub(crate) struct ToGuest {
    waiting: VecDeque<Outgoing>,
    /// Chunks that are made ready, and how many bytes of them are gone.
    block: Vec<u8>,
    gone: usize,
}

impl ToGuest {
    /// Adds a message.
    pub(crate) fn push(&mut self, message: OurMessage, form: Form) {
        self.waiting
            .push_back(Outgoing::Bytes(message.to_bytes(form)));
    }

    /// Adds a message that replaces all that wait, but for the chunks that are made
    /// ready. It must be of another party than they are.
    pub(crate) fn replace(&mut self, message: OurMessage, form: Form) {
        self.waiting.clear();
        self.push(message, form);
    }

    /// Adds a message with content.
    pub(crate) fn push_content(
        &mut self,
        selection: Selection,
        kind: ContentType,
        content: Rc<Content>,
        form: Form,
    ) {
        let size = u32::try_from(content.size()).unwrap_or(u32::MAX);
        self.waiting.push_back(Outgoing::Content {
            head: content_head(selection, kind, size, form),
            content,
            piece: 0,
            within: 0,
        });
    }

    /// Whether the guest is to be heard: it reads what it is told.
    pub(crate) fn has_room(&self) -> bool {
        let has_content = |message: &&Outgoing| matches!(message, Outgoing::Content { .. });
        self.waiting.len() < MAX_WAITING
            && self.waiting.iter().filter(has_content).count() < MAX_WAITING_CONTENTS
    }

    /// Whether all is gone.
    pub(crate) fn is_empty(&self) -> bool {
        self.gone == self.block.len() && self.waiting.is_empty()
    }

    /// Forgets all of it.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives to `send` what there is, until it takes less than it is given or
    /// fails; true if all is gone.
    pub(crate) fn pump<Failure>(
        &mut self,
        mut send: impl FnMut(&[u8]) -> Result<usize, Failure>,
    ) -> Result<bool, Failure> {
        loop {
            let ready = self.block.get(self.gone..).unwrap_or_default();
            if ready.is_empty() {
                self.make_ready();
                if self.block.is_empty() {
                    return Ok(true);
                }
                continue;
            }
            let length = ready.len();
            let sent = send(ready)?.min(length);
            self.gone = self.gone.saturating_add(sent);
            if sent < length {
                return Ok(false);
            }
        }
    }

    /// Makes the next block of what waits.
    fn make_ready(&mut self) {
        self.block.clear();
        self.gone = 0;
        while self.block.len() < BLOCK_BYTES {
            match self.waiting.front_mut() {
                None => return,
                Some(Outgoing::Bytes(bytes)) => self.block.append(bytes),
                Some(Outgoing::Content {
                    head,
                    content,
                    piece,
                    within,
                }) => {
                    if add_chunk(&mut self.block, head, content, piece, within) {
                        continue;
                    }
                }
            }
            self.waiting.pop_front();
        }
    }
}

/// Adds the next chunk of a message with content; true if more are to come.
fn add_chunk(
    block: &mut Vec<u8>,
    head: &mut Vec<u8>,
    content: &Content,
    piece: &mut usize,
    within: &mut usize,
) -> bool {
    let bytes = content.pieces().get(*piece);
    let rest = bytes
        .and_then(|bytes| bytes.get(*within..))
        .unwrap_or_default();
    let room = MAX_CHUNK_BYTES.saturating_sub(head.len());
    let now = rest.get(..room.min(rest.len())).unwrap_or_default();
    let length = head.len().saturating_add(now.len());
    block.extend(chunk_header(Party::Client, length));
    block.append(head);
    block.extend_from_slice(now);
    *within = within.saturating_add(now.len());
    if now.len() == rest.len() {
        *piece = piece.saturating_add(1);
        *within = 0;
    }
    *piece < content.pieces().len()
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;
