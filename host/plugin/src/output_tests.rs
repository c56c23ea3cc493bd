//! Tests of a plugin's printed lines.

use super::*;

const LIMIT: usize = 1_000;
const LONGEST_LINE: usize = 100;

fn output() -> Output {
    Output::new(&Limits {
        output_bytes: LIMIT as u64,
        log_bytes: LONGEST_LINE as u64,
        ..Limits::DEFAULT
    })
}

fn drained(output: &Output) -> Vec<String> {
    let mut lines = Vec::new();
    output.drain(|line| lines.push(line.to_owned()));
    lines
}

#[test]
fn lines_come_out_whole_and_an_unfinished_one_waits() {
    let output = output();
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
    let output = output();
    output.print(&[b'x'; LONGEST_LINE]);
    assert_eq!(drained(&output), [""; 0]);
    output.print(b"x");
    assert_eq!(drained(&output), ["x".repeat(LONGEST_LINE + 1)]);
}

#[test]
fn what_finds_no_room_is_counted_and_told() {
    let output = output();
    for _ in 0..3 {
        output.print(&[b'\n'; LIMIT / 2]);
    }
    let lost = LIMIT as u64 / 2;
    let lines = drained(&output);
    assert_eq!(lines.len(), LIMIT + 1);
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
    let output = output();
    output.print(b"a\xff\xfeb\n");
    assert_eq!(drained(&output), ["a\u{fffd}\u{fffd}b"]);
}
