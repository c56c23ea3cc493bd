//! Tests of the remembered console.

use super::*;

fn taken(console: &mut Console) -> Vec<String> {
    std::iter::from_fn(|| console.take_line()).collect()
}

#[test]
fn lines_come_once_and_whole() {
    let mut console = Console::default();
    console.print(b"on");
    assert_eq!(console.take_line(), None);
    console.print(b"e\r\ntwo\nthr");
    assert_eq!(taken(&mut console), ["one", "two"]);
    console.close();
    assert_eq!(taken(&mut console), ["thr"]);
    assert_eq!(console.text(), "one\ntwo\nthr\n");
}

#[test]
fn a_line_without_end_is_cut() {
    let mut console = Console::default();
    console.print(&[b'x'; LINE_LIMIT_BYTES + 1]);
    console.close();
    let lengths: Vec<usize> = taken(&mut console).iter().map(String::len).collect();
    assert_eq!(lengths, [LINE_LIMIT_BYTES, 1]);
}

#[test]
fn the_oldest_lines_are_forgotten() {
    let mut console = Console::default();
    for number in 0..LINES_LIMIT + 2 {
        console.print(format!("{number}\n").as_bytes());
    }
    assert_eq!(console.take_line().as_deref(), Some("2"));
    console.print(b"last\n");
    assert_eq!(console.take_line().as_deref(), Some("3"));
    assert_eq!(taken(&mut console).last().map(String::as_str), Some("last"));
}

#[test]
fn an_error_repeats_the_last_lines_only() {
    let mut console = Console::default();
    for number in 0..TAIL_LINES + 5 {
        console.print(format!("{number}\n").as_bytes());
    }
    let tail = console.tail();
    assert!(tail.starts_with("\n  | 5\n  | 6\n"), "{tail}");
    assert!(tail.ends_with("\n  | 24"), "{tail}");
}

#[test]
fn an_error_moves_no_cursor() {
    let mut console = Console::default();
    console.print(b"\x1b[2J\n");
    assert_eq!(console.tail(), "\n  | \\u{1b}[2J");
}
