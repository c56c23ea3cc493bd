//! Faults as people see them.

use super::*;

fn draw(text: &str, faults: Vec<Diagnostic>) -> String {
    Diagnostics::new(Source::new("demo.toml", text), faults).render(Style::Plain)
}

#[test]
fn a_fault_shows_the_file_the_line_the_text_and_what_to_do() {
    let fault = Diagnostic::new("`nam` is not known")
        .at((9..12).into(), "not known here")
        .help("did you mean `name`?");
    let expected = "  x `nam` is not known
   ,-[demo.toml:2:1]
 1 | [[port]]
 2 | nam = \"a\"
   : ^|^
   :  `-- not known here
   `----
  help: did you mean `name`?

1 fault in demo.toml
";
    assert_eq!(draw("[[port]]\nnam = \"a\"\n", vec![fault]), expected);
}

#[test]
fn two_places_of_one_fault_are_both_underlined() {
    let fault = Diagnostic::new("twice")
        .at((6..7).into(), "again")
        .at((0..1).into(), "first");
    let expected = "  x twice
   ,-[demo.toml:1:1]
 1 | a = 1
   : |
   : `-- first
 2 | a = 2
   : |
   : `-- again
   `----

1 fault in demo.toml
";
    assert_eq!(draw("a = 1\na = 2\n", vec![fault]), expected);
}

#[test]
fn control_characters_are_escaped_and_what_follows_is_underlined_all_the_same() {
    let text = "a = '\u{1b}[31m' \u{202e} b\n";
    let start = text.find('b').unwrap();
    let fault = Diagnostic::new("\u{7}bell")
        .at((start..start + 1).into(), "\u{9b}here")
        .help("\u{1b}]0;x");
    let expected = "  x \\u{7}bell
   ,-[demo.toml:1:27]
 1 | a = '\\u{1b}[31m' \\u{202e} b
   :                           |
   :                           `-- \\u{9b}here
   `----
  help: \\u{1b}]0;x

1 fault in demo.toml
";
    assert_eq!(draw(text, vec![fault]), expected);
}

#[test]
fn what_advice_quotes_stays_within_its_line() {
    let fault = Diagnostic::new("a\tb\nc").help("write `\"plugin\tname\"`");
    let expected = "  x a\\tb\\nc\n  help: write `\"plugin\\tname\"`\n\n1 fault in demo.toml\n";
    assert_eq!(draw("a", vec![fault]), expected);
}

#[test]
fn a_place_without_text_underlines_what_is_before_it() {
    let drawn = draw(
        "a = \"b\nc = 1\n",
        vec![Diagnostic::new("open").at((6..6).into(), "here")],
    );
    assert!(drawn.contains(" 1 | a = \"b\n   :      |\n"), "{drawn}");
    draw("", vec![Diagnostic::new("empty").at((0..0).into(), "here")]);
}

#[test]
fn a_line_that_fills_the_screen_is_told_in_words() {
    let text = format!("a = 1\nb = \"{}\"\n", "x".repeat(600));
    let drawn = draw(&text, vec![Diagnostic::new("no").at((6..7).into(), "here")]);
    assert_eq!(drawn, "  x no (line 2, column 1)\n\n1 fault in demo.toml\n");
}

#[test]
fn colours_come_only_where_they_are_asked_for() {
    let faults = Diagnostics::new(
        Source::new("demo.toml", "a"),
        vec![Diagnostic::new("no").at((0..1).into(), "")],
    );
    assert!(faults.render(Style::Colour).contains("\u{1b}["));
    assert!(!faults.render(Style::Monochrome).contains('\u{1b}'));
    assert!(faults.render(Style::Monochrome).contains('╭'));
    assert!(faults.render(Style::Plain).is_ascii());
}
