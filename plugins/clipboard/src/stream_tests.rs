//! Tests of `stream.rs` and `chunks.rs`.

use super::*;
use crate::fake_agent::{chunked, message, words};

/// What comes of a stream that arrives in these pieces, a message's body in one.
fn parts(pieces: &[&[u8]]) -> Result<Vec<(MessageHeader, Vec<u8>)>, LostSync> {
    let mut stream = GuestStream::default();
    let mut messages = Vec::new();
    let mut begun = None;
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let (taken, part) = stream.feed(rest)?;
            rest = &rest[taken..];
            match part {
                Some(Part::Begin(header)) => begun = Some((header, Vec::new())),
                Some(Part::Body(bytes)) => begun.as_mut().unwrap().1.extend(bytes),
                Some(Part::End) => messages.extend(begun.take()),
                Some(Part::ForServer(_)) => {}
                None if rest.is_empty() => break,
                None => assert!(taken > 0),
            }
        }
    }
    Ok(messages)
}

fn bodies(stream: &[u8]) -> Result<Vec<Vec<u8>>, LostSync> {
    let messages = parts(&[stream])?;
    Ok(messages.into_iter().map(|(_, body)| body).collect())
}

#[test]
fn a_message_has_its_number_and_its_body() {
    let messages = parts(&[&message(8, b"body")]).unwrap();
    let header = MessageHeader {
        protocol: 1,
        number: 8,
        size: 4,
    };
    assert_eq!(messages, [(header, b"body".to_vec())]);
}

#[test]
fn a_message_without_a_body_ends_at_once() {
    assert_eq!(bodies(&message(13, b"")), Ok(vec![vec![]]));
}

#[test]
fn a_message_may_be_cut_into_chunks_anywhere() {
    for chunk_bytes in 1..30 {
        let mut stream = chunked(7, b"one body", chunk_bytes);
        stream.extend(chunked(8, b"another", chunk_bytes));
        let wanted = vec![b"one body".to_vec(), b"another".to_vec()];
        assert_eq!(bodies(&stream), Ok(wanted), "{chunk_bytes}");
    }
}

#[test]
fn a_stream_may_be_cut_in_two_anywhere() {
    let mut stream = chunked(7, b"one body", 11);
    stream.extend(message(13, b""));
    stream.extend(message(8, b"another"));
    let whole = parts(&[&stream]);
    for at in 0..=stream.len() {
        let (one, two) = stream.split_at(at);
        assert_eq!(parts(&[one, two]), whole, "{at}");
    }
}

#[test]
fn empty_chunks_say_nothing() {
    let mut stream = words(&[1, 0, 2, 0]);
    stream.extend(message(8, b"body"));
    stream.extend(words(&[1, 0]));
    assert_eq!(bodies(&stream), Ok(vec![b"body".to_vec()]));
}

#[test]
fn chunks_for_the_server_may_stand_between_those_of_a_message() {
    let whole = chunked(8, b"one body", 14);
    let (first, second) = whole.split_at(22);
    let mut stream = first.to_vec();
    stream.extend(words(&[2, 4, 0xffff_ffff]));
    stream.extend(second);
    assert_eq!(bodies(&stream), Ok(vec![b"one body".to_vec()]));
}

#[test]
fn a_chunk_for_nobody_ends_the_stream() {
    for number in [0, 3, 0xffff_ffff] {
        let stream = words(&[number, 20]);
        assert_eq!(bodies(&stream), Err(LostSync::Party(number)));
    }
}

#[test]
fn a_chunk_that_reaches_past_its_message_ends_the_stream() {
    let past = Err(LostSync::ChunkPastMessage);
    // Two messages in one chunk.
    let mut stream = words(&[1, 40]);
    stream.extend(words(&[1, 13, 0, 0, 0, 1, 13, 0, 0, 0]));
    assert_eq!(bodies(&stream), past);
    // A chunk that goes on with a message and with more.
    let mut stream = words(&[1, 24, 1, 8, 0, 0, 8]);
    stream.extend(b"four");
    stream.extend(words(&[1, 5]));
    stream.extend(b"fiver");
    assert_eq!(bodies(&stream), past);
}

#[test]
fn what_a_chunk_promises_and_does_not_bring_is_waited_for() {
    let stream = words(&[1, 0xffff_ffff, 1, 8, 0, 0, 0xffff_ffff, 1, 2, 3]);
    assert_eq!(bodies(&stream), Ok(vec![]));
}
