//! Tests of `scan.rs`.

use proptest::prelude::*;

use super::*;

const MAX_BYTES: usize = 40;

/// A piece whose object is text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Object(String),
    Delimiter,
    Broken(Fault),
}

use Found::{Broken, Delimiter};

fn object(text: &str) -> Found {
    Found::Object(text.into())
}

fn feed_all(scanner: &mut Scanner, bytes: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (taken, piece) = scanner.feed(rest);
        assert!(taken > 0 || piece.is_some(), "it stands still at {rest:?}");
        rest = &rest[taken..];
        found.extend(piece.map(|piece| match piece {
            Piece::Object(frame) => object(&String::from_utf8_lossy(&frame)),
            Piece::Delimiter => Delimiter,
            Piece::Broken(fault) => Broken(fault),
        }));
    }
    found
}

fn scan(pieces: &[&[u8]]) -> Vec<Found> {
    let mut scanner = Scanner::new(MAX_BYTES);
    let found = pieces.iter().map(|piece| feed_all(&mut scanner, piece));
    found.flatten().collect()
}

#[test]
fn objects_are_found_whatever_is_in_them() {
    let texts = [
        "{}",
        r#"{"a":{"b":[1,{}]}}"#,
        r#"{"}":"{["}"#,
        r#"{"\"}":"\\"}"#,
        "{\n \"a\":\t1\r\n}",
        r#"{[}]"#,
    ];
    for text in texts {
        assert_eq!(scan(&[text.as_bytes()]), [object(text)]);
    }
    for gap in ["", "\n", "\r\n\t "] {
        let found: Vec<Found> = texts.into_iter().map(object).collect();
        assert_eq!(scan(&[texts.join(gap).as_bytes()]), found, "{gap:?}");
    }
}

#[test]
fn a_delimiter_ends_what_was_begun_and_is_told() {
    assert_eq!(scan(&[b"\xff{}"]), [Delimiter, object("{}")]);
    let torn = [Broken(Fault::Torn), Delimiter, object("{}")];
    for begun in [&b"{"[..], b"{\"a", b"{\"a\\", b"{\"a\":[1"] {
        assert_eq!(scan(&[begun, b"\xff{}"]), torn, "{begun:?}");
    }
}

#[test]
fn garbage_is_told_once_and_passed_over() {
    for garbage in [
        "null ",
        "}}}]",
        "\"a\"\n",
        "x\ny".trim_end_matches('y'),
        "\0\u{1}\u{80}",
    ] {
        let found = scan(&[garbage.as_bytes(), b"{}"]);
        assert_eq!(found, [Broken(Fault::Garbage), object("{}")], "{garbage:?}");
    }
}

#[test]
fn a_line_break_in_a_string_ends_what_was_cut_off() {
    let found = scan(&[b"{\"return\": \"ab\n{\"return\": {}}\n"]);
    assert_eq!(found, [Broken(Fault::Torn), object("{\"return\": {}}")]);
}

#[test]
fn an_object_past_the_bound_is_told_at_once_and_ends_where_it_ends() {
    let whole = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BYTES - 8));
    assert_eq!(whole.len(), MAX_BYTES);
    assert_eq!(scan(&[whole.as_bytes()]), [object(&whole)]);

    let long = format!("{{\"a\":\"{}\"}}{{}}", "}".repeat(MAX_BYTES - 7));
    let found = [Broken(Fault::TooLong), object("{}")];
    assert_eq!(scan(&[long.as_bytes()]), found);
    let (begun, _) = long.split_at(MAX_BYTES + 1);
    assert_eq!(scan(&[begun.as_bytes()]), [Broken(Fault::TooLong)]);
}

#[test]
fn a_level_too_many_is_told_and_the_object_passed_over() {
    let nested = |depth: usize| {
        format!("{}{}", "{\"\":".repeat(depth - 1) + "[", "]") + &"}".repeat(depth - 1)
    };
    let mut scanner = Scanner::new(1 << 20);
    let deep = nested(MAX_DEPTH);
    assert_eq!(feed_all(&mut scanner, deep.as_bytes()), [object(&deep)]);
    let deeper = nested(MAX_DEPTH + 1) + "{}";
    let found = [Broken(Fault::TooDeep), object("{}")];
    assert_eq!(feed_all(&mut scanner, deeper.as_bytes()), found);
    let endless = "{[".repeat(1 << 16);
    assert_eq!(
        feed_all(&mut scanner, endless.as_bytes()),
        [Broken(Fault::TooDeep)]
    );
    assert_eq!(feed_all(&mut scanner, b"\xff{}"), [Delimiter, object("{}")]);
}

#[test]
fn a_second_large_object_finds_no_room_until_the_first_is_dropped() {
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(LARGE_FROM));
    let mut scanner = Scanner::with_one_large(LARGE_FROM * 2);
    let mut scan = |text: &str| match scanner.feed(text.as_bytes()) {
        (taken, Some(Piece::Object(frame))) if taken == text.len() => Ok(frame),
        (_, Some(Piece::Broken(fault))) => {
            scanner.reset();
            Err(fault)
        }
        other => panic!("{other:?}"),
    };
    let first = scan(&large).unwrap();
    assert_eq!(first.len(), large.len());
    assert_eq!(scan(&large), Err(Fault::NoRoom));
    assert_eq!(&*scan("{}").unwrap(), b"{}");
    drop(first);
    assert_eq!(&*scan(&large).unwrap(), large.as_bytes());
    assert_eq!(&*scan(&large).unwrap(), large.as_bytes());
}

#[test]
fn a_large_object_that_is_cut_off_gives_its_buffer_back() {
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(LARGE_FROM));
    let mut scanner = Scanner::with_one_large(LARGE_FROM * 2);
    let (begun, _) = large.split_at(LARGE_FROM + 3);
    assert_eq!(feed_all(&mut scanner, begun.as_bytes()), []);
    assert!(scanner.is_inside());
    scanner.reset();
    assert_eq!(feed_all(&mut scanner, large.as_bytes()), [object(&large)]);
    let too_long = format!("{{\"a\":\"{}\"}}", "x".repeat(LARGE_FROM * 2));
    let found = [Broken(Fault::TooLong), object(&large)];
    let both = too_long + &large;
    assert_eq!(feed_all(&mut scanner, both.as_bytes()), found);
}

/// Streams with much in them that matters.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        &b"{"[..],
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b"\n",
        b"\xff",
        b"a",
        b"\0",
        b"{}",
        b"{\"return\": 1}",
        b"aaaaaaaaaaaaaaaaaaaaaaaa",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "\u{e9}".as_bytes(),
        b"\xc3",
        b" ",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn a_stream_cut_anywhere_gives_the_same(stream in streams(), cuts in prop::collection::vec(0_usize..200, 0..8)) {
        let whole = scan(&[&stream]);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect();
        prop_assert_eq!(scan(&pieces), whole.clone());
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(scan(&bytes), whole);
    }

    #[test]
    fn no_object_is_larger_than_its_bound(stream in streams()) {
        for found in scan(&[&stream]) {
            if let Found::Object(text) = found {
                prop_assert!(text.len() <= 3 * MAX_BYTES);
                prop_assert_eq!(&text[..1], "{");
            }
        }
    }
}
