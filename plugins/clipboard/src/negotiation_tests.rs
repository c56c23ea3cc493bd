//! Tests of `negotiation.rs`.

use super::*;
use crate::fake_agent::{NEW_FORM, VDAGENTD};

const CLIPBOARD: Selection = Selection::Clipboard;

fn agreed(theirs: Capabilities) -> Negotiation {
    let mut negotiation = Negotiation::default();
    negotiation.open();
    assert!(negotiation.announced(false, theirs).agreed);
    negotiation
}

#[test]
fn each_asks_the_other_and_the_answer_to_ours_is_the_agreement() {
    let mut negotiation = Negotiation::default();
    let asks = OurMessage::Announce { wants_theirs: true };
    assert_eq!(negotiation.open(), asks);
    let crossed = negotiation.announced(true, VDAGENTD);
    let answer = OurMessage::Announce {
        wants_theirs: false,
    };
    assert_eq!(crossed.answer, Some(answer));
    assert!(!crossed.agreed && !negotiation.is_agreed());
    let answered = negotiation.announced(false, VDAGENTD);
    assert_eq!(answered.answer, None);
    assert!(answered.agreed && negotiation.is_agreed());
    assert_eq!(negotiation.form(), NEW_FORM);
}

#[test]
fn an_agent_that_pushes_its_content_unasked_shares_nothing() {
    let mut negotiation = agreed(Capabilities::from_bits(1 << 3));
    assert!(!negotiation.is_agreed());
    assert_eq!(negotiation.grabbed(CLIPBOARD, None), Grab::Forged);
}

#[test]
fn an_old_agent_has_one_selection_and_no_serials() {
    let mut negotiation = agreed(Capabilities::from_bits(1 << 5));
    assert_eq!(negotiation.form(), Form::default());
    assert!(negotiation.has_selection(CLIPBOARD));
    assert!(!negotiation.has_selection(Selection::Primary));
    assert_eq!(negotiation.grabbed(CLIPBOARD, None), Grab::Latest);
    assert_eq!(negotiation.grabbed(CLIPBOARD, None), Grab::Latest);
}

#[test]
fn grabs_are_numbered_whoever_makes_them() {
    let mut negotiation = agreed(VDAGENTD);
    assert_eq!(negotiation.grabbed(CLIPBOARD, Some(0)), Grab::Latest);
    assert_eq!(negotiation.grab(CLIPBOARD), 1);
    assert_eq!(negotiation.grabbed(CLIPBOARD, Some(2)), Grab::Latest);
    // Each selection for itself.
    assert_eq!(negotiation.grab(Selection::Primary), 0);
}

#[test]
fn of_two_grabs_that_cross_ours_wins() {
    let mut negotiation = agreed(VDAGENTD);
    assert_eq!(negotiation.grab(CLIPBOARD), 0);
    assert_eq!(negotiation.grabbed(CLIPBOARD, Some(0)), Grab::Crossed);
    assert_eq!(negotiation.grabbed(CLIPBOARD, Some(1)), Grab::Latest);
}

#[test]
fn a_forged_number_changes_nothing() {
    let mut negotiation = agreed(VDAGENTD);
    for forged in [1, 2, 1000, u32::MAX - 1] {
        assert_eq!(negotiation.grabbed(CLIPBOARD, Some(forged)), Grab::Forged);
    }
    assert_eq!(negotiation.grabbed(CLIPBOARD, Some(0)), Grab::Latest);
}

#[test]
fn numbers_go_on_past_the_last() {
    let mut negotiation = agreed(VDAGENTD);
    *negotiation.serials.get_mut(CLIPBOARD) = u32::MAX;
    assert_eq!(negotiation.grab(CLIPBOARD), u32::MAX);
    assert_eq!(
        negotiation.grabbed(CLIPBOARD, Some(u32::MAX)),
        Grab::Crossed
    );
    assert_eq!(negotiation.grabbed(CLIPBOARD, Some(0)), Grab::Latest);
}

#[test]
fn nothing_is_agreed_on_before_and_after() {
    let mut negotiation = Negotiation::default();
    assert_eq!(negotiation.grabbed(CLIPBOARD, Some(0)), Grab::Forged);
    negotiation.open();
    assert_eq!(negotiation.grabbed(CLIPBOARD, Some(0)), Grab::Forged);
    negotiation.announced(false, VDAGENTD);
    negotiation.close();
    assert!(!negotiation.is_agreed());
}

#[test]
fn a_new_agent_begins_to_count_anew() {
    let mut negotiation = agreed(VDAGENTD);
    negotiation.grab(CLIPBOARD);
    negotiation.close();
    negotiation.open();
    negotiation.announced(false, VDAGENTD);
    assert_eq!(negotiation.grab(CLIPBOARD), 0);
}

#[test]
fn an_agent_that_asks_again_is_answered_again() {
    let mut negotiation = agreed(VDAGENTD);
    negotiation.grab(CLIPBOARD);
    let again = negotiation.announced(true, VDAGENTD);
    assert!(again.answer.is_some() && !again.agreed);
    assert_eq!(negotiation.grab(CLIPBOARD), 1);
}
