//! Guesses about texts that are not TOML.

use super::*;

fn first(text: &str) -> Line<'_> {
    lines(text).next().unwrap()
}

#[test]
fn headers_are_known_even_unfinished() {
    for header in [
        "[port]",
        " [[port]] # x",
        "[ a . \"b\" ]",
        "[[port]",
        "[port",
    ] {
        assert!(first(header).is_header(), "{header}");
    }
    for other in ["[1, 2],", "a = [", "# [port]", "[{ a = 1 }]"] {
        assert!(!first(other).is_header(), "{other}");
    }
}

#[test]
fn statements_begin_with_a_key() {
    assert!(first("a.b-c = 1").is_statement());
    assert!(first("two words = 1").is_statement());
    assert!(!first("{ a = 1 }").is_statement());
    assert!(!first("= 1").is_statement());
    assert!(first("key = 1").key_holds(4));
    assert!(!first("key = 1").key_holds(5));
}

#[test]
fn a_value_ends_with_its_line_or_its_last_bracket() {
    assert_eq!(value_end("a = 1\nb"), Ok(5));
    assert_eq!(value_end("a = [\n{ x = \"]\" }, # ]\n]\nb = 2"), Ok(24));
    assert_eq!(value_end("a = [{\n'}'"), Err((5, "{")));
    assert_eq!(value_end("a = '''\n'"), Err((4, "'''")));
    assert_eq!(value_end("a = \"\\\"[\" \nb"), Ok(10));
    assert_eq!(value_end("a = \"[\n"), Ok(6));
}

#[test]
fn a_statement_has_all_lines_of_its_value() {
    let text = "a = [\n1,\n]\nb = 2\n[c]\n";
    assert_eq!(
        statement(text, first(text).span),
        Span { start: 0, end: 11 }
    );
    let open = "a = [\n1,\nb = 2\n[c]\n";
    assert_eq!(statement(open, first(open).span), Span { start: 0, end: 9 });
}

#[test]
fn a_table_ends_at_the_next_header() {
    assert_eq!(table_end("[a]\nb = 1\n[c]\n", 3), 10);
    assert_eq!(table_end("[a]\n", 3), 4);
}
