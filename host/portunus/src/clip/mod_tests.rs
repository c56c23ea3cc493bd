//! Tests of `clip`: against a plugin that says what a test has it say.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use super::*;

/// Answers each line by the next of these, and tells what the lines were.
fn plugin(answers: &[&str]) -> (Clipboard, JoinHandle<Vec<Value>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let said = thread::spawn(move || {
        let mut answers = answers.iter();
        let mut said = Vec::new();
        let mut writer = theirs.try_clone().unwrap();
        for line in BufReader::new(theirs).lines() {
            said.push(serde_json::from_str(&line.unwrap()).unwrap());
            if let Some(answer) = answers.next() {
                writer.write_all(answer.as_bytes()).unwrap();
            }
        }
        said
    });
    let connection = Connection::of(ours);
    (Clipboard { connection }, said)
}

fn image() -> Place {
    Place {
        selection: "primary".into(),
        kind: Some("image/png".into()),
    }
}

#[test]
fn what_is_got_may_come_in_parts() {
    let parts = "{\"data\":\"aGVs\",\"more\":true}\n{\"data\":\"bG8=\"}\n";
    let (mut clipboard, said) = plugin(&[parts]);
    let mut got = Vec::new();
    clipboard.get(&image(), &mut got).unwrap();
    drop(clipboard);
    assert_eq!(got, b"hello");
    let request = json!({ "do": "get", "selection": "primary", "type": "image/png" });
    assert_eq!(said.join().unwrap(), [request]);
}

#[test]
fn what_is_put_goes_in_parts_that_fit_a_line() {
    for (bytes, parts) in [
        (0, 1),
        (1, 1),
        (PART_BYTES, 1),
        (PART_BYTES + 1, 2),
        (PART_BYTES * 3, 3),
    ] {
        let answers: &[&str] = match parts {
            1 => &["{\"ok\":true}\n"],
            2 => &["", "{\"ok\":true}\n"],
            _ => &["", "", "{\"ok\":true}\n"],
        };
        let (mut clipboard, said) = plugin(answers);
        clipboard
            .put(&image(), &mut vec![7; bytes].as_slice())
            .unwrap();
        drop(clipboard);
        let said = said.join().unwrap();
        assert_eq!(said.len(), parts, "{bytes}");
        let verbs: Vec<_> = said.iter().map(|line| line["do"].clone()).collect();
        assert!(verbs[0] == "put" && verbs[1..].iter().all(|verb| verb == "data"));
        let last = said.len() - 1;
        assert!(
            said.iter()
                .enumerate()
                .all(|(at, line)| line["more"] == (at < last))
        );
    }
}

#[test]
fn what_the_plugin_refuses_is_told_from_what_there_is_not() {
    for (word, is_refusal, is_nothing) in [
        (
            "{\"error\":\"refused-type\",\"reason\":\"no\"}\n",
            true,
            false,
        ),
        (
            "{\"error\":\"not-offered\",\"reason\":\"no\"}\n",
            false,
            true,
        ),
        ("{\"error\":\"busy\",\"reason\":\"no\"}\n", false, false),
    ] {
        let (mut clipboard, _said) = plugin(&[word]);
        let error = clipboard.get(&image(), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "no");
        assert_eq!(
            (error.is_refusal(), error.is_nothing()),
            (is_refusal, is_nothing)
        );
    }
}

#[test]
fn what_does_not_speak_as_the_plugin_does_is_told_of_unharmed() {
    for answer in ["\u{1b}[31mhello\n", "[1]\n", "{\"data\":\"?\"}\n"] {
        let (mut clipboard, _said) = plugin(&[answer]);
        let error = clipboard.get(&image(), &mut Vec::new()).unwrap_err();
        assert!(matches!(error, ClipError::Language(_)), "{error:?}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
}

#[test]
fn a_line_without_an_end_is_not_read_for_ever() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let writer = thread::spawn(move || while theirs.write_all(&[b'x'; 4096]).is_ok() {});
    let mut clipboard = Clipboard {
        connection: Connection::of(ours),
    };
    let error = clipboard.get(&image(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, ClipError::Language(_)), "{error:?}");
    drop(clipboard);
    writer.join().unwrap();
}

#[test]
fn a_plugin_that_goes_is_told_of() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    let mut clipboard = Clipboard {
        connection: Connection::of(ours),
    };
    let error = clipboard.clear(&image()).unwrap_err();
    assert!(matches!(error, ClipError::Lost(_)), "{error:?}");
}

#[test]
fn each_question_is_answered_until_there_is_no_answer() {
    let ask = |number: u64| {
        format!(
            "{{\"event\":\"ask\",\"ask\":{number},\"way\":\"guest-to-host\",\"selection\":\"clipboard\",\"type\":\"text/plain\",\"pid\":7,\"uid\":8}}\n"
        )
    };
    let first = format!("{{\"ok\":true}}\n{}", ask(1));
    // The next question comes before the word on the first one's answer, and the
    // second one's answer comes too late.
    let second = format!("{}{{\"ok\":true}}\n", ask(2));
    let third = format!("{{\"error\":\"no-question\"}}\n{}", ask(3));
    let (mut clipboard, said) = plugin(&[&first, &second, &third]);
    let mut shown = Vec::new();
    clipboard.begin_deciding().unwrap();
    clipboard
        .decide(&mut |question| {
            shown.push(question.to_string());
            Ok((shown.len() < 3).then_some(shown.len() == 1))
        })
        .unwrap();
    drop(clipboard);
    assert_eq!(
        shown[0],
        "a program wants text/plain from the guest's clipboard: process 7 of user 8"
    );
    let answer = |ask: u64, allow: bool| json!({ "do": "answer", "ask": ask, "allow": allow });
    let wanted = [json!({ "do": "decide" }), answer(1, true), answer(2, false)];
    assert_eq!(said.join().unwrap(), wanted);
}

#[test]
fn what_changes_is_told_line_by_line() {
    let events = "{\"ok\":true}\n{\"event\":\"agent\",\"present\":true}\n";
    let (mut clipboard, _said) = plugin(&[events]);
    let mut told = Vec::new();
    let error = clipboard.watch(&mut |event| {
        told.push(event.to_owned());
        Err(io::ErrorKind::BrokenPipe.into())
    });
    assert!(matches!(error, Err(ClipError::Output(_))));
    assert_eq!(told, ["{\"event\":\"agent\",\"present\":true}"]);
}
