//! Content of a clipboard: bytes that are kept as they came, in pieces of one
//! size, so that nothing is ever copied to make room.

/// Bytes of each piece but the last. A multiple of three, so that each becomes
/// base64 without padding, and of 2,048 bytes, so that a message's chunks are full.
pub(crate) const PIECE_BYTES: usize = 48 << 10;

/// Some content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pieces: Vec<Vec<u8>>,
}

impl Content {
    /// The content of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut content = Self::default();
        content.push(bytes);
        content
    }

    /// Adds bytes at the end.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let is_full = |piece: &Vec<u8>| piece.len() >= PIECE_BYTES;
            if self.pieces.last().is_none_or(is_full) {
                self.pieces.push(Vec::with_capacity(PIECE_BYTES));
            }
            let Some(piece) = self.pieces.last_mut() else {
                return;
            };
            let room = PIECE_BYTES.saturating_sub(piece.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            piece.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Number of bytes.
    pub fn size(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    /// The pieces, in order: none is empty.
    pub fn pieces(&self) -> &[Vec<u8>] {
        &self.pieces
    }

    /// Whether all of it together is UTF-8.
    pub fn is_utf8(&self) -> bool {
        // A character that one piece begins and the next ends.
        let mut begun: Vec<u8> = Vec::new();
        for piece in &self.pieces {
            let (head, rest) = piece.split_at(if begun.is_empty() {
                0
            } else {
                continuation_bytes(piece)
            });
            if !begun.is_empty() {
                begun.extend_from_slice(head);
                if str::from_utf8(&begun).is_err() {
                    return false;
                }
            }
            let whole = match str::from_utf8(rest) {
                Ok(_) => rest.len(),
                // The piece ends within a character.
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                Err(_) => return false,
            };
            begun = rest.get(whole..).unwrap_or_default().to_vec();
        }
        begun.is_empty()
    }

    /// All bytes in one.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

/// How many bytes a piece begins with that go on with a character: three at most.
fn continuation_bytes(piece: &[u8]) -> usize {
    let goes_on = |byte: &&u8| matches!(byte, 0x80..=0xbf);
    piece.iter().take(3).take_while(goes_on).count()
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
