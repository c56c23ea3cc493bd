//! The guest's agent, for tests: writes messages as spice-vdagentd does, and
//! reads ours by its rules.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "a fixture that overflows is a test that failed"
)]

use crate::capabilities::{Capabilities, Form};
use crate::message::number;

/// What spice-vdagentd 0.22 says that it can do: all but `CLIPBOARD`,
/// `DISPLAY_CONFIG` and what is about Windows and about file transfers.
pub(crate) const VDAGENTD: Capabilities = Capabilities::from_bits(0b11_1000_1101_1110_0111);

/// The form that it has in common with us.
pub(crate) const NEW_FORM: Form = Form {
    selection: true,
    serial: true,
};

/// A message in one chunk, as spice-vdagentd sends any.
pub(crate) fn message(number: u32, body: &[u8]) -> Vec<u8> {
    chunked(number, body, usize::MAX)
}

/// A message in chunks of at most so many bytes.
pub(crate) fn chunked(number: u32, body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut message = words(&[1, number, 0, 0, u32::try_from(body.len()).unwrap()]);
    message.extend(body);
    let chunk_bytes = chunk_bytes.min(message.len());
    message
        .chunks(chunk_bytes)
        .flat_map(|chunk| {
            let mut bytes = words(&[1, u32::try_from(chunk.len()).unwrap()]);
            bytes.extend(chunk);
            bytes
        })
        .collect()
}

/// These numbers, as bytes.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Says what it can do.
pub(crate) fn announce(wants_ours: bool, capabilities: Capabilities) -> Vec<u8> {
    let body = words(&[wants_ours.into(), capabilities.bits()]);
    message(number::ANNOUNCE_CAPABILITIES, &body)
}

/// Grabs a selection, in the newer form.
pub(crate) fn grab(selection: u32, serial: u32, types: &[u32]) -> Vec<u8> {
    let mut body = words(&[selection, serial]);
    body.extend(words(types));
    message(number::CLIPBOARD_GRAB, &body)
}

/// Asks for content, in the newer form.
pub(crate) fn request(selection: u32, wire_type: u32) -> Vec<u8> {
    message(number::CLIPBOARD_REQUEST, &words(&[selection, wire_type]))
}

/// Sends content, in the newer form.
pub(crate) fn content(selection: u32, wire_type: u32, bytes: &[u8]) -> Vec<u8> {
    let mut body = words(&[selection, wire_type]);
    body.extend(bytes);
    message(number::CLIPBOARD, &body)
}

/// Reads what we sent, message by message: party, number and body.
///
/// # Panics
///
/// Where spice-vdagentd would close the connection.
pub(crate) fn read(mut stream: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut begun: [Vec<u8>; 3] = Default::default();
    let mut messages = Vec::new();
    while !stream.is_empty() {
        let (party, size) = (word(stream, 0), word(stream, 4) as usize);
        assert!((1..3).contains(&party), "a chunk for port {party}");
        assert!(size <= 2048, "a chunk of {size} bytes");
        let message = &mut begun[party as usize];
        message.extend(&stream[8..8 + size]);
        stream = &stream[8 + size..];
        if message.len() < 20 {
            continue;
        }
        assert_eq!(word(message, 0), 1, "the protocol");
        let whole = 20 + word(message, 16) as usize;
        assert!(message.len() <= whole, "a chunk reaches past its message");
        if message.len() == whole {
            messages.push((party, word(message, 4), message[20..].to_vec()));
            message.clear();
        }
    }
    assert!(begun.iter().all(Vec::is_empty), "a message has not ended");
    messages
}
