//! Tests of `outgoing.rs`.

use proptest::prelude::*;

use super::*;
use crate::fake_agent::{NEW_FORM, read, words};

const REQUEST: OurMessage = OurMessage::Request {
    selection: Selection::Clipboard,
    kind: ContentType::Text,
};

/// Takes at most so many bytes; true if that is all there is.
fn take(out: &mut ToGuest, room: usize, taken: &mut Vec<u8>) -> bool {
    let most = taken.len().saturating_add(room);
    let all = out.pump(|bytes| {
        let now = most.saturating_sub(taken.len()).min(bytes.len());
        taken.extend(&bytes[..now]);
        Ok::<_, ()>(now)
    });
    all.unwrap()
}

/// Takes all there is, by so many bytes in turn.
fn drain(out: &mut ToGuest, rooms: &[usize]) -> Vec<u8> {
    let mut taken = Vec::new();
    let mut rooms = rooms.iter().cycle();
    while !take(out, *rooms.next().unwrap(), &mut taken) {}
    taken
}

fn content(out: &mut ToGuest, bytes: &[u8]) {
    let content = Rc::new(Content::new(bytes));
    out.push_content(Selection::Primary, ContentType::Png, content, NEW_FORM);
}

fn body(bytes: &[u8]) -> Vec<u8> {
    [words(&[1, 2]), bytes.to_vec()].concat()
}

#[test]
fn content_goes_in_chunks_that_an_agent_takes() {
    for size in [0, 1, 2020, 2021, 5000, 49_152, 49_153, 200_000] {
        let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        let mut out = ToGuest::default();
        content(&mut out, &bytes);
        let messages = read(&drain(&mut out, &[usize::MAX]));
        assert!(messages == [(1, 4, body(&bytes))], "{size}");
        assert!(out.is_empty());
    }
}

#[test]
fn no_more_is_to_be_heard_while_too_much_waits() {
    let mut out = ToGuest::default();
    content(&mut out, b"one");
    assert!(out.has_room());
    content(&mut out, b"two");
    assert!(!out.has_room());
    drain(&mut out, &[usize::MAX]);
    assert!(out.has_room());
    (0..MAX_WAITING).for_each(|_| out.push(REQUEST, NEW_FORM));
    assert!(!out.has_room());
}

#[test]
fn a_goodbye_goes_in_the_middle_of_content() {
    let mut out = ToGuest::default();
    content(&mut out, &[7; 200_000]);
    let mut stream = Vec::new();
    assert!(!take(&mut out, 1000, &mut stream));
    out.replace(OurMessage::Disconnected, NEW_FORM);
    stream.extend(drain(&mut out, &[usize::MAX]));
    let goodbye = OurMessage::Disconnected.to_bytes(NEW_FORM);
    assert!(stream.ends_with(&goodbye));
    // Of the content only what was made ready goes before it.
    assert!(stream.len() < 2 * BLOCK_BYTES);
}

proptest! {
    #[test]
    fn messages_go_in_order_and_whole_whatever_the_room(
        sizes in proptest::collection::vec(prop_oneof![Just(None), (0_usize..70_000).prop_map(Some)], 1..5),
        rooms in proptest::collection::vec(1_usize..70_000, 1..5),
    ) {
        let mut out = ToGuest::default();
        let mut wanted = Vec::new();
        for size in sizes {
            match size {
                Some(size) => {
                    let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
                    content(&mut out, &bytes);
                    wanted.push((1, 4, body(&bytes)));
                }
                None => {
                    out.push(REQUEST, NEW_FORM);
                    wanted.push((1, 8, words(&[0, 1])));
                }
            }
        }
        prop_assert!(read(&drain(&mut out, &rooms)) == wanted);
    }
}
