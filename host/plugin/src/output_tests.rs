//! Tests of a plugin's printed lines.

use super::*;

fn drained(output: &Output) -> Vec<String> {
    let mut lines = Vec::new();
    output.drain(|line| lines.push(line.to_owned()));
    lines
}

#[test]
fn lines_come_out_whole_and_an_unfinished_one_waits() {
    let output = Output::default();
    output.print(b"one\ntw");
    assert_eq!(drained(&output), ["one"]);
    output.print(b"o\n\nthr");
    assert_eq!(drained(&output), ["two", ""]);
    assert_eq!(drained(&output), [""; 0]);
    output.end_line();
    assert_eq!(drained(&output), ["thr"]);
    output.end_line();
    assert_eq!(drained(&output), [""; 0]);
}

#[test]
fn a_line_without_an_end_does_not_wait_for_ever() {
    let output = Output::default();
    output.print(&[b'x'; MAX_MESSAGE_BYTES]);
    assert_eq!(drained(&output), [""; 0]);
    output.print(b"x");
    assert_eq!(drained(&output), ["x".repeat(MAX_MESSAGE_BYTES + 1)]);
}

#[test]
fn what_finds_no_room_is_counted_and_told() {
    let output = Output::default();
    for _ in 0..3 {
        output.print(&[b'\n'; MAX_OUTPUT_BYTES / 2]);
    }
    let lost = MAX_OUTPUT_BYTES as u64 / 2;
    let lines = drained(&output);
    assert_eq!(lines.len(), MAX_OUTPUT_BYTES + 1);
    let last = lines.last().unwrap();
    assert!(
        last.starts_with(&format!("{lost} printed bytes were dropped")),
        "{last}"
    );
    assert_eq!(output.bytes_lost(), lost);
    assert_eq!(drained(&output), [""; 0]);
}

#[test]
fn bytes_that_are_not_text_are_replaced() {
    let output = Output::default();
    output.print(b"a\xff\xfeb\n");
    assert_eq!(drained(&output), ["a\u{fffd}\u{fffd}b"]);
}
