//! Guesses at what was meant.

use super::*;

#[test]
fn near_misses_are_recognised() {
    let known = ["name", "console", "plugin", "max-ports"];
    assert_eq!(nearest("nam", &known), Some("name"));
    assert_eq!(nearest("Console", &known), Some("console"));
    assert_eq!(nearest("plug-in", &known), Some("plugin"));
    assert_eq!(nearest("max_port", &known), Some("max-ports"));
}

#[test]
fn other_words_are_not_taken_for_near_misses() {
    let known = ["name", "console", "plugin", "limit"];
    for other in [
        "rate",
        "listen",
        "socket",
        "x",
        "",
        "日本",
        &"name".repeat(100_000),
    ] {
        assert_eq!(nearest(other, &known), None, "{other}");
    }
}
