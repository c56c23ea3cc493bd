//! Tests of escaping, cutting and counting a plugin's words.

use proptest::prelude::*;

use super::*;

const LIMIT: u64 = Limits::DEFAULT.log_rate;

#[test]
fn what_could_change_a_terminal_or_a_line_is_escaped() {
    assert_eq!(
        clean("plain text, äöü and 東京", 100),
        "plain text, äöü and 東京"
    );
    assert_eq!(clean("a\nb\r\tc\0", 100), "a\\nb\\r\\tc\\u{0}");
    assert_eq!(clean("\u{1b}[31m\u{9b}", 100), "\\u{1b}[31m\\u{9b}");
    assert_eq!(
        clean("\u{202e}fdp.exe\u{2028}", 100),
        "\\u{202e}fdp.exe\\u{2028}"
    );
}

#[test]
fn what_is_too_long_is_cut_between_characters_and_says_so() {
    assert_eq!(clean("abcd", 4), "abcd");
    assert_eq!(clean("abcde", 4), "abcd... (cut, 1 bytes more)");
    assert_eq!(clean("aäää", 4), "aä... (cut, 4 bytes more)");
    // An escape is never cut in two.
    assert_eq!(clean("abc\n\n", 5), "abc\\n... (cut, 1 bytes more)");
}

proptest! {
    #[test]
    fn any_text_becomes_one_printable_line_of_bounded_length(text in ".{0,200}", max_bytes in 0_usize..300) {
        let line = clean(&text, max_bytes);
        prop_assert!(!line.chars().any(is_unprintable));
        let note = "... (cut, 1000 bytes more)".len();
        prop_assert!(line.len() <= max_bytes.saturating_add(note));
    }
}

#[test]
fn a_second_admits_so_many_messages_and_the_next_tells_of_the_others() {
    let start = Instant::now();
    let mut rate = Rate::new(LIMIT);
    for _ in 0..LIMIT {
        assert_eq!(rate.admit(start), (true, 0));
    }
    let later = start + Duration::from_millis(999);
    assert_eq!(rate.admit(later), (false, 0));
    assert_eq!(rate.admit(later), (false, 0));
    assert_eq!(rate.settle(later), 0);
    assert_eq!(rate.admit(start + Duration::from_secs(1)), (true, 2));
    assert_eq!(rate.admit(start + Duration::from_secs(1)), (true, 0));
}

#[test]
fn what_was_dropped_is_told_when_its_second_is_over_or_at_the_end() {
    let start = Instant::now();
    let mut rate = Rate::new(LIMIT);
    for _ in 0..LIMIT + 3 {
        rate.admit(start);
    }
    assert_eq!(rate.settle(start + Duration::from_secs(1)), 3);
    assert_eq!(rate.settle(start + Duration::from_secs(2)), 0);
    for _ in 0..LIMIT + 1 {
        rate.admit(start + Duration::from_secs(2));
    }
    assert_eq!(rate.close(), 1);
    assert_eq!(rate.close(), 0);
}
