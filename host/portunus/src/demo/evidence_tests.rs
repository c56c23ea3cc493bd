//! Tests of the evidence.

use super::*;

fn everywhere(word: &Word) -> Evidence {
    Evidence {
        console: format!("hello {word}"),
        reply: format!("hello {word}"),
        log: format!("1970 a hello\n1971 a hello {word}\n"),
    }
}

#[test]
fn a_word_that_is_everywhere_is_enough() {
    let word = Word::draw();
    let evidence = everywhere(&word);
    evidence.check(&word).unwrap();
    let line = format!("1971 a hello {word}");
    assert_eq!(evidence.logged(&word), Some(line.as_str()));
}

#[test]
fn each_place_without_it_is_named_with_what_it_shows() {
    let word = Word::draw();
    let told = |evidence: Evidence| evidence.check(&word).unwrap_err().to_string();

    let mut evidence = everywhere(&word);
    evidence.reply = "\u{1b}[2J".to_owned();
    let fault = told(evidence);
    assert!(fault.contains(word.as_str()), "{fault}");
    assert!(
        fault.contains(r"from the echo plugin's reply: `\u{1b}[2J` is there"),
        "{fault}"
    );
    assert_eq!(fault.matches("from the").count(), 1, "{fault}");

    let fault = told(Evidence::default());
    for place in [
        "guest's console",
        "echo plugin's reply",
        "log plugin's file",
    ] {
        assert!(
            fault.contains(&format!("from the {place}: nothing is there")),
            "{fault}"
        );
    }
}

#[test]
fn another_runs_word_does_not_count() {
    let fault = everywhere(&Word::draw()).check(&Word::draw()).unwrap_err();
    assert_eq!(fault.places.len(), 3);
}
