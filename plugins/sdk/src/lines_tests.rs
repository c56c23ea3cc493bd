//! Tests of `lines.rs`.

use proptest::prelude::*;

use super::*;

/// Feeds all pieces; the last line is the unfinished one, if there is one.
fn split(max_line_bytes: usize, pieces: &[&[u8]]) -> (Vec<Line>, Option<Line>) {
    let mut lines = Lines::new(max_line_bytes, Unfinished::default());
    let mut ended = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (taken, line) = lines.feed(rest);
            ended.extend(line);
            rest = &rest[taken..];
        }
    }
    (ended, lines.finish())
}

fn line(bytes: &[u8], cut_bytes: u64) -> Line {
    Line {
        bytes: bytes.to_vec(),
        cut_bytes,
    }
}

#[test]
fn lines_are_joined_over_pieces() {
    let (ended, rest) = split(10, &[b"ab", b"c\nd", b"\n\n", b"e"]);
    assert_eq!(ended, [line(b"abc", 0), line(b"d", 0), line(b"", 0)]);
    assert_eq!(rest, Some(line(b"e", 0)));
}

#[test]
fn a_return_before_the_end_is_no_part_of_the_line() {
    let (ended, rest) = split(10, &[b"a\r", b"\nb\rc\r\r\n", b"d\r"]);
    assert_eq!(ended, [line(b"a", 0), line(b"b\rc\r", 0)]);
    assert_eq!(rest, Some(line(b"d\r", 0)));
}

#[test]
fn a_line_of_the_limit_is_whole_and_one_over_it_is_cut() {
    let (ended, _) = split(4, &[b"1234\n1234\r\n12345\n123456\r\n"]);
    assert_eq!(
        ended,
        [
            line(b"1234", 0),
            line(b"1234", 0),
            line(b"1234", 1),
            line(b"1234", 2)
        ]
    );
}

#[test]
fn an_endless_line_takes_no_more_memory_than_its_limit() {
    let mut lines = Lines::new(64, Unfinished::default());
    for _ in 0..1000 {
        assert_eq!(lines.feed(&[b'x'; 4096]), (4096, None));
    }
    assert!(lines.unfinished().kept.capacity() <= 128);
    assert_eq!(lines.finish().unwrap().cut_bytes, 4_096_000 - 64);
}

#[test]
fn another_goes_on_with_the_unfinished_line() {
    let mut first = Lines::new(8, Unfinished::default());
    first.feed(b"hello wor\r");
    let mut second = Lines::new(8, first.unfinished().clone());
    assert_eq!(second.feed(b"\n"), (1, Some(line(b"hello wo", 1))));
}

proptest! {
    #[test]
    fn where_the_stream_is_split_makes_no_difference(
        stream in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
        points in proptest::collection::vec(0_usize..200, 0..10),
        max_line_bytes in 1_usize..20,
    ) {
        let mut points: Vec<usize> = points.into_iter().map(|at| at.min(stream.len())).collect();
        points.extend([0, stream.len()]);
        points.sort_unstable();
        let pieces: Vec<&[u8]> = points.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(split(max_line_bytes, &pieces), model(max_line_bytes, &stream));
    }
}

/// What the splitter does, said in another way: on the whole stream at once.
fn model(max: usize, stream: &[u8]) -> (Vec<Line>, Option<Line>) {
    let cut = |bytes: &[u8]| {
        let (kept, rest) = bytes.split_at(bytes.len().min(max));
        line(kept, rest.len() as u64)
    };
    let mut parts: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
    let rest = parts.pop().filter(|rest| !rest.is_empty()).map(cut);
    let ended = parts
        .into_iter()
        .map(|part| cut(part.strip_suffix(b"\r").unwrap_or(part)));
    (ended.collect(), rest)
}
