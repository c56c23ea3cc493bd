//! Tests of `pattern.rs`.

use super::*;

#[test]
fn a_star_is_any_characters_and_all_else_is_itself() {
    let cases = [
        ("guest-ping", "guest-ping", true),
        ("guest-ping", "guest-pin", false),
        ("guest-ping", "guest-ping2", false),
        ("guest-get-*", "guest-get-users", true),
        ("guest-get-*", "guest-get-", true),
        ("guest-get-*", "guest-set-time", false),
        ("*", "", true),
        ("*", "anything\nat all", true),
        ("*-status", "guest-exec-status", true),
        ("a*b*c", "aXbYbc", true),
        ("a*b*c", "acb", false),
        ("", "", true),
        ("", "a", false),
        ("a?", "ab", false),
        ("a?", "a?", true),
        ("[a-z]", "b", false),
        ("A", "a", false),
        ("*", "a\0b", false),
        ("a*", "a\0", false),
    ];
    for (pattern, word, matches) in cases {
        let found = Pattern::new(pattern).matches(word);
        assert_eq!(found, matches, "{pattern:?} {word:?}");
    }
}

#[test]
fn many_stars_take_no_long_time() {
    let pattern = Pattern::new(&"a*".repeat(1000));
    assert!(!pattern.matches(&format!("{}b", "b".repeat(65_536))));
    let pattern = Pattern::new(&format!("{}c", "*a".repeat(50)));
    assert!(!pattern.matches(&"a".repeat(65_536)));
}
