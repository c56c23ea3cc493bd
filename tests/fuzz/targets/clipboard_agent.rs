//! Any stream of a guest's, in one piece and cut anywhere: the clipboard's parser
//! reads the same in both, and keeps no more than it was asked to.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portunus_plugin_clipboard::capabilities::Form;
use portunus_plugin_clipboard::intake::{Expects, Intake, Said};
use portunus_plugin_clipboard::kinds::{ContentType, Selection};
use portunus_plugin_clipboard::stream::GuestStream;

/// The largest content that is taken here, in bytes.
const MAX_BYTES: u64 = 256;

#[derive(Debug, Arbitrary)]
struct Input {
    selection: bool,
    serial: bool,
    messages: Vec<Message>,
    cuts: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
enum Message {
    Bytes(Vec<u8>),
    /// A message that is worth something, in chunks.
    Whole {
        number: u8,
        selection: u8,
        words: Vec<u8>,
        content: Vec<u8>,
        chunk: u8,
    },
}

/// Text is waited for, wherever.
struct WantsText(Form);

impl Expects for WantsText {
    fn expects(&self, _: Selection, kind: ContentType) -> bool {
        kind == ContentType::Text
    }

    fn max_bytes(&self) -> u64 {
        MAX_BYTES
    }

    fn form(&self) -> Form {
        self.0
    }
}

fuzz_target!(|input: Input| {
    let form = Form {
        selection: input.selection,
        serial: input.serial,
    };
    let stream: Vec<u8> = input.messages.iter().flat_map(bytes).collect();
    let whole = said([stream.as_slice()], form);
    let mut rest = stream.as_slice();
    let mut pieces = Vec::new();
    for cut in &input.cuts {
        let (piece, after) = rest.split_at(usize::from(*cut).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    assert_eq!(said(pieces, form), whole);
    for said in whole {
        if let Said::Content { content, .. } = said {
            assert!(content.size() as u64 <= MAX_BYTES);
        }
    }
});

fn bytes(message: &Message) -> Vec<u8> {
    match message {
        Message::Bytes(bytes) => bytes.clone(),
        Message::Whole {
            number,
            selection,
            words,
            content,
            chunk,
        } => {
            let mut body = vec![selection % 4, 0, 0, 0];
            body.extend(words.iter().flat_map(|word| [word % 8, 0, 0, 0]));
            body.extend(content);
            let size = u32::try_from(body.len()).expect("small");
            let header = [1, u32::from(number % 18), 0, 0, size];
            let mut message: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
            message.extend(body);
            let chunks = message.chunks(usize::from(*chunk) + 1);
            chunks
                .flat_map(|chunk| {
                    let size = u32::try_from(chunk.len()).expect("small");
                    let mut bytes: Vec<u8> =
                        [1, size].into_iter().flat_map(u32::to_le_bytes).collect();
                    bytes.extend(chunk);
                    bytes
                })
                .collect()
        }
    }
}

/// What is said, up to where the stream makes no sense any more.
fn said<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, form: Form) -> Vec<Said> {
    let (mut stream, mut intake) = (GuestStream::default(), Intake::default());
    let mut said = Vec::new();
    for piece in pieces {
        let mut rest = piece;
        loop {
            let Ok((taken, part)) = stream.feed(rest) else {
                return said;
            };
            rest = &rest[taken..];
            match part {
                Some(part) => said.extend(intake.take(part, &WantsText(form))),
                None if rest.is_empty() => break,
                None => assert!(taken > 0, "it takes nothing and says nothing"),
            }
        }
    }
    said
}
