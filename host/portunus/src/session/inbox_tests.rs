//! Tests of `inbox.rs`.

use super::*;

fn holding(bytes: &[u8]) -> Inbox {
    let mut inbox = Inbox::default();
    inbox.refill(|buffer| {
        buffer[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    });
    inbox
}

#[test]
fn bytes_are_taken_from_the_front() {
    let mut inbox = holding(b"hello");
    inbox.take(2);
    assert_eq!(inbox.bytes(), b"llo");
    inbox.take(9);
    assert!(inbox.is_empty());
    assert_eq!(inbox.bytes(), b"");
}

#[test]
fn an_inbox_without_bytes_has_no_buffer() {
    let mut inbox = holding(b"");
    assert!(inbox.buffer.is_empty());
    inbox = holding(b"hello");
    assert_eq!(inbox.buffer.len(), INBOX_SIZE);
    assert_eq!(inbox.clear(), 5);
    assert!(inbox.buffer.is_empty());
}

#[test]
fn an_inbox_that_holds_bytes_shares_its_buffer_with_none() {
    let first = holding(b"first");
    let second = holding(b"second");
    assert_eq!(
        (first.bytes(), second.bytes()),
        (&b"first"[..], &b"second"[..])
    );
}

#[test]
fn a_buffer_goes_from_one_inbox_to_the_next() {
    let mut first = holding(b"first");
    let buffer = first.buffer.as_ptr();
    first.take(5);
    assert_eq!(holding(b"second").buffer.as_ptr(), buffer);
}
