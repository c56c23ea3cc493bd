//! Tests of `intake.rs`, with the stream before it: from a guest's bytes to what
//! its agent says.

use proptest::prelude::*;

use super::*;
use crate::capabilities::Capabilities;
use crate::fake_agent::{NEW_FORM, announce, chunked, content, grab, message, request, words};
use crate::kinds::TypeSet;
use crate::message::number::CLIPBOARD;
use crate::stream::GuestStream;

/// A client waits for text in the clipboard, of at most a thousand bytes.
struct WantsText(Form);

impl Expects for WantsText {
    fn expects(&self, selection: Selection, kind: ContentType) -> bool {
        (selection, kind) == (Selection::Clipboard, ContentType::Text)
    }

    fn max_bytes(&self) -> u64 {
        1000
    }

    fn form(&self) -> Form {
        self.0
    }
}

/// What is said in a stream that arrives in these pieces.
fn said_in<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, form: Form) -> Vec<Said> {
    let (mut stream, mut intake) = (GuestStream::default(), Intake::default());
    let mut said = Vec::new();
    for piece in pieces {
        let mut rest = piece;
        loop {
            let (taken, part) = stream.feed(rest).unwrap();
            rest = &rest[taken..];
            match part {
                Some(part) => said.extend(intake.take(part, &WantsText(form))),
                None if rest.is_empty() => break,
                None => assert!(taken > 0),
            }
        }
    }
    said
}

fn said(stream: &[u8]) -> Vec<Said> {
    said_in([stream], NEW_FORM)
}

fn text(bytes: &[u8]) -> Said {
    Said::Content {
        selection: Selection::Clipboard,
        kind: ContentType::Text,
        content: Content::new(bytes),
    }
}

#[test]
fn content_that_was_asked_for_comes_whole() {
    assert_eq!(said(&content(0, 1, b"hello")), [text(b"hello")]);
    assert_eq!(said(&content(0, 1, b"")), [text(b"")]);
    assert_eq!(said(&content(0, 1, &[b'x'; 1000])), [text(&[b'x'; 1000])]);
}

#[test]
fn content_comes_in_the_legacy_form_too() {
    let mut body = words(&[1]);
    body.extend(b"hello");
    let said = said_in([message(CLIPBOARD, &body).as_slice()], Form::default());
    assert_eq!(said, [text(b"hello")]);
}

#[test]
fn content_that_nobody_asked_for_is_not_kept() {
    let unasked = [Said::Ignored(Ignored::Unasked)];
    for stream in [
        content(1, 1, b"x"),
        content(0, 2, b"x"),
        content(0, 77, b"x"),
    ] {
        assert_eq!(said(&stream), unasked);
    }
}

#[test]
fn no_content_is_an_answer() {
    let none = Said::NoContent {
        selection: Selection::Clipboard,
    };
    assert_eq!(said(&content(0, 0, b"")), [none]);
}

#[test]
fn content_past_the_bound_is_refused_by_what_it_says_of_itself() {
    let too_large = Said::TooLarge {
        selection: Selection::Clipboard,
        kind: ContentType::Text,
    };
    // Before any of it has come, and though it never will.
    let promise = words(&[1, 0x8000_0000, 1, CLIPBOARD, 0, 0, 0xffff_ffff, 0, 1]);
    assert_eq!(said(&promise), std::slice::from_ref(&too_large));
    // And what comes after it is understood.
    let mut stream = content(0, 1, &[b'x'; 1001]);
    stream.extend(content(0, 1, b"y"));
    assert_eq!(said(&stream), [too_large, text(b"y")]);
}

#[test]
fn content_without_a_type_is_malformed() {
    for length in 0..8 {
        let stream = message(CLIPBOARD, &vec![0; length]);
        assert_eq!(said(&stream), [Said::Ignored(Ignored::Malformed)]);
    }
}

#[test]
fn what_is_not_heeded_is_passed_over_whatever_its_length() {
    for (stream, why) in [
        (message(2, &[0; 5000]), Ignored::OtherMatter),
        (message(3, &[0; 8]), Ignored::OtherMatter),
        (message(7, &[0; 1025]), Ignored::Malformed),
        (words(&[1, 24, 2, 7, 0, 0, 4, 0]), Ignored::Protocol),
    ] {
        let stream = [stream, request(0, 1)].concat();
        let after = Said::Message(AgentMessage::Request {
            selection: Selection::Clipboard,
            wire_type: 1,
        });
        assert_eq!(said(&stream), [Said::Ignored(why), after]);
    }
}

#[test]
fn a_grab_of_as_many_types_as_fit_is_read() {
    let stream = grab(0, 0, &[1; 254]);
    let wanted = AgentMessage::Grab {
        selection: Selection::Clipboard,
        serial: Some(0),
        types: [ContentType::Text].into_iter().collect::<TypeSet>(),
    };
    assert_eq!(said(&stream), [Said::Message(wanted)]);
    let stream = grab(0, 0, &[1; 255]);
    assert_eq!(said(&stream), [Said::Ignored(Ignored::Malformed)]);
}

/// Some message, cut into chunks somehow.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let body = proptest::collection::vec(any::<u8>(), 0..1200);
    let sensible = prop_oneof![
        Just(announce(true, Capabilities::OURS)),
        Just(grab(0, 0, &[1, 2])),
        Just(request(0, 1)),
        body.clone().prop_map(|bytes| content(0, 1, &bytes)),
    ];
    let chunked = (0_u32..20, body, 1_usize..3000)
        .prop_map(|(number, body, chunk_bytes)| chunked(number, &body, chunk_bytes));
    prop_oneof![sensible, chunked]
}

proptest! {
    #[test]
    fn a_stream_says_the_same_wherever_it_is_cut(
        messages in proptest::collection::vec(any_message(), 1..6),
        lengths in proptest::collection::vec(1_usize..400, 1..20),
        newer: bool,
    ) {
        let form = if newer { NEW_FORM } else { Form::default() };
        let stream = messages.concat();
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        let mut lengths = lengths.iter().cycle();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(said_in(pieces, form), said_in([stream.as_slice()], form));
    }
}
