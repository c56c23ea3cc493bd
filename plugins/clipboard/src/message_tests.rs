//! Tests of `message.rs`.

use super::*;
use crate::fake_agent::{NEW_FORM, read, words};

const LEGACY: Form = Form {
    selection: false,
    serial: false,
};
const SELECTION_ALONE: Form = Form {
    selection: true,
    serial: false,
};

fn types(kinds: &[ContentType]) -> TypeSet {
    kinds.iter().copied().collect()
}

/// What we send, as an agent reads it.
fn sent(message: OurMessage, form: Form) -> (u32, u32, Vec<u8>) {
    let mut messages = read(&message.to_bytes(form));
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

#[test]
fn each_message_of_the_agent_is_read_in_each_form() {
    let grab = |selection, serial, kinds: &[ContentType]| AgentMessage::Grab {
        selection,
        serial,
        types: types(kinds),
    };
    let request = |selection, wire_type| AgentMessage::Request {
        selection,
        wire_type,
    };
    let release = |selection| AgentMessage::Release { selection };
    let (text, png) = (ContentType::Text, ContentType::Png);
    let (clipboard, primary) = (Selection::Clipboard, Selection::Primary);
    let cases = [
        (
            NEW_FORM,
            7,
            words(&[1, 9, 1, 2]),
            grab(primary, Some(9), &[text, png]),
        ),
        (
            SELECTION_ALONE,
            7,
            words(&[0, 2]),
            grab(clipboard, None, &[png]),
        ),
        (LEGACY, 7, words(&[1]), grab(clipboard, None, &[text])),
        // Types that we do not know, none at all, and half a type.
        (
            NEW_FORM,
            7,
            words(&[0, 9, 0, 1, 77]),
            grab(clipboard, Some(9), &[text]),
        ),
        (NEW_FORM, 7, words(&[0, 9]), grab(clipboard, Some(9), &[])),
        (
            LEGACY,
            7,
            vec![1, 0, 0, 0, 2, 0],
            grab(clipboard, None, &[text]),
        ),
        (NEW_FORM, 8, words(&[1, 1]), request(primary, 1)),
        (LEGACY, 8, words(&[99]), request(clipboard, 99)),
        (NEW_FORM, 9, words(&[1]), release(primary)),
        // As spice-vdagentd says it when its session ends.
        (NEW_FORM, 9, vec![1], release(primary)),
        (LEGACY, 9, vec![], release(clipboard)),
    ];
    for (form, number, body, wanted) in cases {
        let parsed = AgentMessage::parse(number, &body, form);
        assert_eq!(parsed, Ok(wanted), "{number} {body:?}");
    }
}

#[test]
fn capabilities_may_have_any_number_of_words() {
    for (body, bits) in [
        (words(&[1]), 0),
        (words(&[1, 0x20]), 0x20),
        (words(&[1, 0x20, 0xffff_ffff]), 0x20),
    ] {
        let announce = AgentMessage::Announce {
            wants_ours: true,
            theirs: Capabilities::from_bits(bits),
        };
        assert_eq!(AgentMessage::parse(6, &body, NEW_FORM), Ok(announce));
    }
}

#[test]
fn a_message_that_is_too_short_or_of_no_selection_is_malformed() {
    let cases = [
        (6, vec![1, 0, 0]),
        (7, words(&[0])),
        (7, vec![0; 7]),
        (7, words(&[3, 0, 1])),
        (8, words(&[0])),
        (8, vec![0; 7]),
        (8, words(&[255, 1])),
        (9, vec![]),
        (9, vec![3]),
    ];
    for (number, body) in cases {
        let parsed = AgentMessage::parse(number, &body, NEW_FORM);
        assert_eq!(parsed, Err(Ignored::Malformed), "{number} {body:?}");
    }
}

#[test]
fn messages_that_are_not_about_clipboards_are_of_other_matters() {
    for number in [0, 1, 2, 3, 5, 10, 11, 12, 13, 14, 15, 16, 17, u32::MAX] {
        let parsed = AgentMessage::parse(number, &[0; 64], NEW_FORM);
        assert_eq!(parsed, Err(Ignored::OtherMatter), "{number}");
    }
}

#[test]
fn each_message_of_ours_has_the_protocols_numbers() {
    let (selection, kind) = (Selection::Primary, ContentType::Png);
    let grab = OurMessage::Grab {
        selection,
        serial: 9,
        kind,
    };
    let request = OurMessage::Request { selection, kind };
    let release = OurMessage::Release { selection };
    let none = OurMessage::NoContent {
        selection,
        wire_type: 77,
    };
    let announce = OurMessage::Announce { wants_theirs: true };
    // CLIPBOARD_BY_DEMAND, _SELECTION, MAX_CLIPBOARD, NO_RELEASE_ON_REGRAB,
    // GRAB_SERIAL.
    let ours = 1 << 5 | 1 << 6 | 1 << 10 | 1 << 16 | 1 << 17;
    assert_eq!(sent(announce, NEW_FORM), (1, 6, words(&[1, ours])));
    assert_eq!(sent(grab, NEW_FORM), (1, 7, words(&[1, 9, 2])));
    assert_eq!(sent(grab, SELECTION_ALONE), (1, 7, words(&[1, 2])));
    assert_eq!(sent(grab, LEGACY), (1, 7, words(&[2])));
    assert_eq!(sent(request, NEW_FORM), (1, 8, words(&[1, 2])));
    assert_eq!(sent(request, LEGACY), (1, 8, words(&[2])));
    assert_eq!(sent(release, NEW_FORM), (1, 9, words(&[1])));
    assert_eq!(sent(release, LEGACY), (1, 9, vec![]));
    assert_eq!(sent(none, NEW_FORM), (1, 4, words(&[1, 77])));
    assert_eq!(sent(none, LEGACY), (1, 4, words(&[77])));
    let most = OurMessage::MaxClipboard(4096);
    assert_eq!(sent(most, NEW_FORM), (1, 14, words(&[4096])));
    // The server's word, which ends whatever the client was saying.
    assert_eq!(sent(OurMessage::Disconnected, NEW_FORM), (2, 13, vec![]));
}
