//! Tests of words.

use super::*;

#[test]
fn the_words_of_the_proposal_are_ours() {
    // Its examples: 127.0.0.1, 63.84.220.193, 212.58.253.68.
    for (bits, word) in [
        ([0x7f00, 0x0001], "lusab-babad"),
        ([0x3f54, 0xdcc1], "gutih-tugad"),
        ([0xd43a, 0xfd44], "tibup-zujah"),
    ] {
        assert_eq!(Word::from_bits(bits).as_str(), word);
    }
}

#[test]
fn every_word_has_two_times_five_letters() {
    for bits in [0, u16::MAX, 0x5555, 0xaaaa] {
        assert_eq!(Word::from_bits([bits, bits]).as_str().len(), 11);
    }
}

#[test]
fn two_drawings_differ() {
    let words: std::collections::BTreeSet<String> =
        (0..8).map(|_| Word::draw().to_string()).collect();
    assert!(words.len() > 1, "{words:?}");
}
