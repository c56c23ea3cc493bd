//! Tests of `answer.rs`.

use std::convert::Infallible;

use super::*;
use crate::reply::Reply;
use crate::scan::{Piece, Scanner};

/// All bytes, taken in pieces of at most so many.
fn bytes(answers: &mut Answers, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !answers.is_empty() {
        let sent = answers.flush(|data| {
            let taken = data.len().min(most);
            bytes.extend(&data[..taken]);
            Ok::<usize, Infallible>(taken)
        });
        assert!(sent.unwrap() > 0);
    }
    bytes
}

fn text(answer: Answer) -> String {
    let mut answers = Answers::default();
    answers.push(answer);
    String::from_utf8_lossy(&bytes(&mut answers, usize::MAX)).into_owned()
}

fn passed_on(reply: &str, id: Option<&str>) -> Answer {
    let mut scanner = Scanner::with_one_large(LARGE_FROM * 2);
    let (_, Some(Piece::Object(frame))) = scanner.feed(reply.as_bytes()) else {
        panic!("no object");
    };
    let span = Span::of(Reply::parse(&frame).unwrap().outcome, &frame);
    Answer::passed_on(frame, span, id)
}

#[test]
fn answers_have_the_form_of_the_agents_own() {
    let cases = [
        (Answer::returned("{}", None), "{\"return\": {}}\n"),
        (
            Answer::synced(-5, false, Some("[1]")),
            "{\"return\": -5, \"id\": [1]}\n",
        ),
        (
            Answer::error(Class::GenericError, "a \"b\"\n", Some("1")),
            "{\"error\": {\"class\":\"GenericError\",\"desc\":\"a \\\"b\\\"\\n\"}, \"id\": 1}\n",
        ),
        (
            passed_on(r#"{"id": 3, "return": {"a":  1.0}}"#, None),
            "{\"return\": {\"a\":  1.0}}\n",
        ),
        (
            passed_on(
                r#"{"error": {"class": "A", "desc": "b"}, "id": 3}"#,
                Some("\"x\""),
            ),
            "{\"error\": {\"class\": \"A\", \"desc\": \"b\"}, \"id\": \"x\"}\n",
        ),
    ];
    for (answer, wanted) in cases {
        assert_eq!(text(answer), wanted);
    }
    let mut answers = Answers::default();
    answers.push(Answer::synced(5, true, None));
    assert_eq!(bytes(&mut answers, usize::MAX), b"\xff{\"return\": 5}\n");
}

#[test]
fn answers_are_the_same_in_whatever_pieces_they_are_taken() {
    let long = format!("\"{}\"", "x".repeat(LARGE_FROM));
    let reply = format!(r#"{{"return": {long}, "id": 7}}"#);
    let wanted =
        format!("{{\"return\": 1}}\n{{\"return\": {long}, \"id\": 9}}\n{{\"return\": 2}}\n");
    for most in [1, 13, 4096, usize::MAX] {
        let mut answers = Answers::default();
        answers.push(Answer::returned("1", None));
        answers.push(passed_on(&reply, Some("9")));
        answers.push(Answer::returned("2", None));
        assert!(bytes(&mut answers, most) == wanted.as_bytes(), "{most}");
    }
}

#[test]
fn what_nobody_takes_stays() {
    let mut answers = Answers::default();
    answers.push(Answer::returned("1", None));
    assert_eq!(answers.flush(|_| Ok::<usize, Infallible>(0)), Ok(0));
    assert!(!answers.is_empty());
    assert_eq!(answers.flush(|_| Err::<usize, u8>(3)), Err(3));
    answers.clear();
    assert!(answers.is_empty());
}
