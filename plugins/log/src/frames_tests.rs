//! Tests of `frames.rs`.

use proptest::prelude::*;

use super::*;

const MAX: usize = 64;

/// Feeds all pieces; the last message is the unfinished one, if there is one.
fn split(pieces: &[&[u8]]) -> (Vec<String>, Option<String>) {
    let mut frames = Frames::new(Framing::Syslog, MAX, Begun::default());
    let mut ended = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (taken, message) = frames.feed(rest);
            assert!(taken > 0 || message.is_some(), "it stands still");
            ended.extend(message.map(text));
            rest = &rest[taken..];
        }
        // Another goes on with what was saved, at any place.
        let saved = serde_json::to_vec(&frames.begun()).unwrap();
        let begun = serde_json::from_slice(&saved).unwrap();
        frames = Frames::new(Framing::Syslog, MAX, begun);
    }
    (ended, frames.finish().map(text))
}

fn text(line: Line) -> String {
    let text = String::from_utf8_lossy(&line.bytes).into_owned();
    match line.cut_bytes {
        0 => text,
        cut => format!("{text}+{cut}"),
    }
}

#[test]
fn lines_and_counted_messages_may_follow_each_other() {
    let (ended, rest) = split(&[b"<1>a\n5 <2>bc<3>d\r\n6 <4>e\nf7 <5>ghi\n\n<6>j"]);
    assert_eq!(
        ended,
        ["<1>a", "<2>bc", "<3>d", "<4>e\nf", "<5>ghi\n"],
        "{rest:?}"
    );
    assert_eq!(rest.as_deref(), Some("<6>j"));
}

#[test]
fn what_is_no_count_is_how_a_line_begins() {
    for line in [
        "12 monkeys",
        "12",
        "12 ",
        "12<3>x",
        "007 <3>x",
        "1  <3>x",
        "123456789 <3>x",
        "18446744073709551616 <3>x",
        "12:30:01 up",
    ] {
        let stream = format!("{line}\n<1>a\n");
        let (ended, rest) = split(&[stream.as_bytes()]);
        assert_eq!(ended, [line, "<1>a"]);
        assert_eq!(rest, None);
        assert_eq!(split(&[line.as_bytes()]).1.as_deref(), Some(line));
    }
}

#[test]
fn a_count_that_is_never_filled_keeps_no_more_than_a_line_may_have() {
    let mut frames = Frames::new(Framing::Syslog, MAX, Begun::default());
    frames.feed(b"9999999 <1>");
    for _ in 0..100 {
        assert_eq!(frames.feed(&[b'x'; 4096]), (4096, None));
    }
    let message = frames.finish().unwrap();
    assert_eq!((message.bytes.len(), message.cut_bytes), (MAX, 409_539));
}

#[test]
fn lines_are_split_as_lines_where_that_was_asked_for() {
    let mut frames = Frames::new(Framing::Lines, MAX, Begun::default());
    let (taken, line) = frames.feed(b"5 <2>bc\n\n");
    assert_eq!((taken, line.map(text).as_deref()), (8, Some("5 <2>bc")));
    let (taken, line) = frames.feed(b"\n");
    assert_eq!((taken, line.map(text).as_deref()), (1, Some("")));
}

#[test]
fn what_an_older_version_saved_is_a_line_that_goes_on() {
    let begun: Begun =
        serde_json::from_str(r#"{"kept":[97],"length":1,"returned":false}"#).unwrap();
    let mut frames = Frames::new(Framing::Lines, MAX, begun);
    assert_eq!(frames.feed(b"b\n").1.map(text).as_deref(), Some("ab"));
}

/// A message in one of the two frames.
fn framed(message: &str, counted: bool) -> String {
    if counted {
        format!("{} {message}", message.len())
    } else {
        format!("{message}\n")
    }
}

proptest! {
    #[test]
    fn where_the_stream_is_cut_makes_no_difference(
        stream in "[0-9 <>\r\na]{0,80}",
        points in proptest::collection::vec(0_usize..80, 0..10),
    ) {
        let stream = stream.as_bytes();
        let mut points: Vec<usize> = points.into_iter().map(|at| at.min(stream.len())).collect();
        points.extend([0, stream.len()]);
        points.sort_unstable();
        let pieces: Vec<&[u8]> = points.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(split(&pieces), split(&[stream]));
    }

    #[test]
    fn what_is_framed_comes_out_whole(
        messages in proptest::collection::vec(("<[0-9]{1,3}>[ -~]{0,40}", any::<bool>()), 0..10),
    ) {
        let stream: String = messages.iter().map(|(message, counted)| framed(message, *counted)).collect();
        let (ended, rest) = split(&[stream.as_bytes()]);
        let sent: Vec<String> = messages.into_iter().map(|(message, _)| message).collect();
        prop_assert_eq!(ended, sent);
        prop_assert_eq!(rest, None);
    }
}
