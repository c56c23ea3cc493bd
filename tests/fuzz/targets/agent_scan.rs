//! A guest agent's stream: cut anywhere it holds the same objects, within their
//! bounds.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portunus_plugin_agent::scan::{Fault, Piece, Scanner};

/// Small, so that the bound is worth reaching.
const MAX_BYTES: usize = 64;

#[derive(Debug, Arbitrary)]
struct Input {
    stream: Vec<u8>,
    cuts: Vec<u8>,
}

#[derive(Debug, PartialEq)]
enum Found {
    Object(Vec<u8>),
    Delimiter,
    Broken(Fault),
}

fn feed(scanner: &mut Scanner, mut bytes: &[u8], found: &mut Vec<Found>) {
    while !bytes.is_empty() {
        let (taken, piece) = scanner.feed(bytes);
        assert!(taken > 0 || piece.is_some(), "it stands still");
        bytes = &bytes[taken..];
        found.extend(piece.map(|piece| match piece {
            Piece::Object(frame) => {
                assert!(frame.len() <= MAX_BYTES && frame.starts_with(b"{"));
                Found::Object(frame.to_vec())
            }
            Piece::Delimiter => Found::Delimiter,
            Piece::Broken(fault) => Found::Broken(fault),
        }));
    }
}

fuzz_target!(|input: Input| {
    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
    feed(&mut Scanner::new(MAX_BYTES), &input.stream, &mut whole);
    let mut scanner = Scanner::new(MAX_BYTES);
    let mut rest = input.stream.as_slice();
    for cut in input.cuts {
        let (piece, after) = rest.split_at(usize::from(cut).min(rest.len()));
        feed(&mut scanner, piece, &mut pieces);
        rest = after;
    }
    feed(&mut scanner, rest, &mut pieces);
    assert_eq!(whole, pieces);
});
