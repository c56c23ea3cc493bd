//! Broken files: what is said of them, and what can still be read.

use super::*;

/// What is said, and the text that it underlines.
fn faults(text: &str) -> Vec<(String, Vec<&str>)> {
    let recovered = recover(text);
    assert_eq!(recovered.text.len(), text.len());
    let shown = recovered.faults.iter().map(|fault| {
        let underlined = fault
            .labels
            .iter()
            .map(|label| &text[label.span.start..label.span.end]);
        (fault.what.replace("not TOML: ", ""), underlined.collect())
    });
    shown.collect()
}

fn left(text: &str) -> String {
    let recovered = recover(text);
    assert!(recovered.is_toml, "{:?}", recovered.faults);
    let lines = recovered
        .text
        .lines()
        .filter(|line| !line.trim().is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn toml_is_left_alone() {
    let text = "a = [1,\n 2] # [\n[b]\nc = '''\n[[\n'''\n";
    let recovered = recover(text);
    assert!(recovered.is_toml);
    assert_eq!((recovered.text.as_str(), recovered.faults.len()), (text, 0));
}

#[test]
fn each_of_two_syntax_errors_is_told() {
    let text = "a = org.example\nb = 1\nc = \"open\nd = 2\n";
    let told = faults(text);
    assert_eq!(
        told[0],
        (
            "string values must be quoted".to_owned(),
            vec!["org.example"]
        )
    );
    assert_eq!(told[1], ("invalid basic string".to_owned(), vec![""]));
    assert_eq!(told.len(), 2);
    assert_eq!(left(text), "b = 1\nd = 2");
}

#[test]
fn what_follows_a_key_without_a_value_is_read() {
    let text = "plugin \"log\"\nname = org.foo\na b = 1\nc = 1\n";
    let told = faults(text);
    let what: Vec<_> = told.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(
        what,
        [
            "key with no value",
            "string values must be quoted",
            "key with no value"
        ]
    );
    assert_eq!(left(text), "c = 1");
}

#[test]
fn each_broken_value_of_one_line_is_told() {
    let told = faults("limit = { memory = 16MiB, cpu = 50ms }\n");
    let underlined: Vec<_> = told.iter().map(|(_, text)| text[0]).collect();
    assert_eq!(underlined, ["16MiB", "50ms"]);
}

#[test]
fn an_array_that_is_not_closed_is_one_fault() {
    let text = "a = [1, 2\nb = 2\nc = 3\n[port]\nx = 1\n";
    let told = faults(text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "a `[` is still open where something else begins");
    assert_eq!(told[0].1[0], "[");
    assert_eq!(left(text), "b = 2\nc = 3\n[port]\nx = 1");
}

#[test]
fn a_table_that_is_not_closed_spoils_what_it_may_hold() {
    let text = "a = { b = 1,\nc = 2\n[port]\nx = y\n";
    let told = faults(text);
    assert_eq!(told[0].0, "a `{` is still open where something else begins");
    assert_eq!(
        told[1],
        ("string values must be quoted".to_owned(), vec!["y"])
    );
    assert_eq!(left(text), "[port]");
}

#[test]
fn an_error_within_a_value_of_several_lines_is_told_where_it_is() {
    let text = "dirs = [\n  { host = logs },\n]\nb = 1\n";
    assert_eq!(
        faults(text),
        [("string values must be quoted".to_owned(), vec!["logs"])]
    );
    assert_eq!(left(text), "b = 1");
}

#[test]
fn a_text_that_is_not_closed_points_at_its_beginning() {
    let text = "a = 1\nb = \"\"\"one\n[two]\nthree = 3\n";
    let told = faults(text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1[0], "\"\"\"");
    assert_eq!(left(text), "a = 1");
}

#[test]
fn a_broken_header_spoils_its_table_alone() {
    let text = "[one\na = 1\n[[two]\nb = 2\n[three]\nc = 3\n";
    assert_eq!(faults(text).len(), 2);
    assert_eq!(left(text), "[three]\nc = 3");
}

#[test]
fn a_key_said_twice_is_told_once() {
    let text = "a = 1\na = 2\n[t]\nb = 1\n[t]\nc = 1\n";
    let told = faults(text);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], ("duplicate key".to_owned(), vec!["a"]));
    assert_eq!(left(text), "a = 1\n[t]\nb = 1");
}

#[test]
fn a_file_that_is_something_else_is_given_up() {
    let text = "this is no configuration, but prose\n".repeat(200);
    let recovered = recover(&text);
    assert!(!recovered.is_toml);
    assert!(recovered.faults.len() <= MAX_BLANKED + 1);
    assert_eq!(
        recovered.faults.last().unwrap().what,
        "more of the file may be wrong"
    );
}

#[test]
fn nesting_without_end_is_an_error() {
    for text in [
        format!("a = {}", "[".repeat(5000)),
        format!("{} = 1", vec!["a"; 5000].join(".")),
    ] {
        let recovered = recover(&text);
        assert!(!recovered.faults.is_empty());
    }
}
