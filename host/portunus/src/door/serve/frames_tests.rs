#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "small numbers, and a test that panics has failed"
)]

use super::*;
use proptest::prelude::*;

fn message(request: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [request, 1, body.len() as u32] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.extend(body);
    bytes
}

fn table(count: u32, room: usize) -> Vec<u8> {
    let mut body = count.to_ne_bytes().to_vec();
    body.resize(TABLE_HEADER_SIZE + room * REGION_SIZE, 7);
    message(SET_MEM_TABLE, &body)
}

#[test]
fn a_memory_table_with_room_to_spare_is_cut_to_its_count() {
    let mut bytes = table(1, 2);
    trim_memory_table(&mut bytes);
    assert_eq!(bytes, table(1, 1));
}

#[test]
fn everything_else_is_left_as_it_is() {
    for whole in [
        table(2, 2),
        table(3, 2),
        table(u32::MAX, 2),
        message(5, &[]),
        message(6, &[1; 72]),
    ] {
        let mut bytes = whole.clone();
        trim_memory_table(&mut bytes);
        assert_eq!(bytes, whole);
    }
}

#[test]
fn a_message_arrives_with_its_descriptors() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    let frame = Frame {
        bytes: message(1, b"body"),
        files: vec![file.into()],
    };
    frame.send(&theirs).unwrap();
    let received = Frame::receive(&ours).unwrap();
    assert_eq!(received.bytes, frame.bytes);
    assert_eq!(received.files.len(), 1);
    drop(theirs);
    assert!(matches!(Frame::receive(&ours), Err(FrameFault::Closed)));
}

#[test]
fn a_message_that_is_too_long_is_refused_before_it_is_read() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(&message(1, &[0; 12])[..8]).unwrap();
    theirs.write_all(&u32::MAX.to_ne_bytes()).unwrap();
    assert!(matches!(Frame::receive(&ours), Err(FrameFault::TooLong(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(&bytes).unwrap();
        drop(theirs);
        while let Ok(frame) = Frame::receive(&ours) {
            prop_assert!(frame.bytes.len() <= HEADER_SIZE + BODY_LIMIT);
        }
    }
}
