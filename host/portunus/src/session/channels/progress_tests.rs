//! What is due of a channel, whatever happens in whatever order.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "small numbers, and a test that panics has failed"
)]

use proptest::prelude::*;

use super::*;

/// A channel that its plugin knows of.
fn opened() -> Progress {
    let mut progress = Progress::new();
    assert_eq!(progress.open_due(), Some(OpenReason::New));
    progress.tell_open();
    progress
}

#[test]
fn nothing_comes_before_the_open() {
    let mut progress = Progress::new();
    progress.ended();
    progress.set_gone();
    assert!(!progress.wants_data());
    assert!(!progress.end_due(0));
    assert_eq!(progress.close_due(0, 0), None);
    assert_eq!(progress.may_send(), Err(SendError::NotOpen));
}

#[test]
fn the_end_comes_after_every_byte_and_waits_while_paused() {
    let mut progress = opened();
    progress.ended();
    assert!(!progress.end_due(1));
    progress.order(ChannelOrder::Pause);
    assert!(!progress.end_due(0));
    progress.order(ChannelOrder::Resume);
    assert!(progress.end_due(0));
    progress.tell_end();
    assert!(!progress.end_due(0));
    assert_eq!(progress.may_send(), Ok(()));
    assert_eq!(progress.close_due(0, 0), None, "half-closed is open");
}

#[test]
fn a_channel_ended_both_ways_closes_after_what_was_sent() {
    let mut progress = opened();
    progress.order(ChannelOrder::Finish);
    assert_eq!(progress.may_send(), Err(SendError::Finished));
    assert_eq!(progress.close_due(0, 0), None);
    progress.ended();
    assert_eq!(progress.close_due(0, 0), None, "the end was not told yet");
    progress.tell_end();
    assert_eq!(progress.close_due(0, 1), None);
    assert_eq!(progress.close_due(0, 0), Some(CloseReason::Closed));
}

#[test]
fn a_peer_that_is_gone_closes_it_once_the_end_was_told() {
    for go in [Progress::set_gone, Progress::set_unreachable] {
        let mut progress = opened();
        progress.ended();
        go(&mut progress);
        assert_eq!(progress.close_due(0, 9), None);
        progress.tell_end();
        assert_eq!(progress.close_due(0, 9), Some(CloseReason::Closed));
    }
}

#[test]
fn a_broken_connection_closes_it_with_its_reason_once_every_byte_was_taken() {
    let mut progress = opened();
    progress.lost("reset".into());
    assert_eq!(progress.may_send(), Err(SendError::NotOpen));
    assert_eq!(progress.close_due(1, 0), None);
    progress.order(ChannelOrder::Pause);
    assert_eq!(progress.close_due(0, 0), None, "it waits for the resume");
    progress.order(ChannelOrder::Resume);
    let lost = Some(CloseReason::Lost("reset".into()));
    assert_eq!(progress.close_due(0, 7), lost);
}

#[test]
fn what_the_plugin_closes_closes_after_what_it_sent_and_takes_no_more() {
    let mut progress = opened();
    progress.order(ChannelOrder::Close);
    assert!(!progress.wants_data());
    assert_eq!(progress.may_send(), Err(SendError::NotOpen));
    assert_eq!(progress.close_due(0, 1), None);
    assert_eq!(progress.close_due(5, 0), Some(CloseReason::Closed));
    progress.set_unreachable();
    assert_eq!(progress.close_due(5, 1), Some(CloseReason::Closed));
}

#[test]
fn a_new_instance_is_told_of_what_is_open_and_pauses_nothing() {
    let mut progress = opened();
    progress.took_short();
    progress.sent_short();
    progress.ended();
    progress.orphan();
    assert_eq!(progress.may_send(), Err(SendError::NotOpen));
    assert_eq!(progress.open_due(), Some(OpenReason::Restarted));
    progress.tell_open();
    assert!(progress.wants_data() && !progress.writable_due());
    assert!(progress.end_due(0), "the end is told again");

    let mut unknown = Progress::new();
    unknown.orphan();
    assert_eq!(unknown.open_due(), Some(OpenReason::New));
}

#[test]
fn a_new_instance_hears_nothing_of_what_the_old_one_closed() {
    let mut progress = opened();
    progress.order(ChannelOrder::Close);
    progress.orphan();
    assert_eq!(progress.open_due(), None);
    assert_eq!(progress.close_due(0, 1), None);
    assert_eq!(progress.close_due(0, 0), Some(CloseReason::Closed));
    assert!(!progress.tells_close());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Order(ChannelOrder),
    SentShort,
    TookShort,
    Ended,
    Lost,
    Unreachable,
    Gone,
    Orphan,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Order(ChannelOrder::Pause)),
        Just(Step::Order(ChannelOrder::Resume)),
        Just(Step::Order(ChannelOrder::Finish)),
        Just(Step::Order(ChannelOrder::Close)),
        Just(Step::SentShort),
        Just(Step::TookShort),
        Just(Step::Ended),
        Just(Step::Lost),
        Just(Step::Unreachable),
        Just(Step::Gone),
        Just(Step::Orphan),
    ]
}

proptest! {
    /// The words reach each instance in the contract's order: open, end, close.
    #[test]
    fn each_instance_hears_an_open_first_and_one_end_at_most(
        steps in prop::collection::vec((step(), 0_usize..2, 0_usize..2), 1..40),
    ) {
        let mut progress = Progress::new();
        let (mut open, mut ends, mut readable) = (false, 0, true);
        for (step, inbound, outbound) in steps {
            match step {
                Step::Order(order) => progress.order(order),
                Step::SentShort => progress.sent_short(),
                Step::TookShort => progress.took_short(),
                // What reading tells comes once.
                Step::Ended if std::mem::take(&mut readable) => progress.ended(),
                Step::Lost if std::mem::take(&mut readable) => progress.lost("lost".into()),
                Step::Ended | Step::Lost => {}
                Step::Unreachable => progress.set_unreachable(),
                Step::Gone => progress.set_gone(),
                Step::Orphan => {
                    (open, ends) = (false, 0);
                    progress.orphan();
                }
            }
            if progress.open_due().is_some() {
                prop_assert!(!open);
                prop_assert_eq!(progress.may_send(), Err(SendError::NotOpen));
                progress.tell_open();
                open = true;
            }
            if progress.writable_due() {
                prop_assert!(open && progress.may_send().is_ok());
                progress.tell_writable();
            }
            prop_assert!(!progress.wants_data() || open);
            if progress.end_due(inbound) {
                prop_assert!(open && ends == 0 && inbound == 0);
                progress.tell_end();
                ends += 1;
            }
            if progress.close_due(inbound, outbound).is_some() {
                prop_assert_eq!(progress.tells_close(), open);
                return Ok(());
            }
        }
    }
}
