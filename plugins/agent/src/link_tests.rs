//! Tests of `link.rs`.

use super::*;

const TIME: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn hear(link: &mut Link, text: &str, delimited: bool) -> Heard {
    link.hear(&Reply::parse(text.as_bytes()).unwrap(), delimited, at(1))
}

/// A wire whose agent has answered the sync, with the id or without.
fn idle(repeats_ids: bool) -> Link {
    let mut link = Link::default();
    link.open(at(0), 5);
    let id = if repeats_ids { r#", "id": 5"# } else { "" };
    let reply = format!(r#"{{"return": 5{id}}}"#);
    assert_eq!(hear(&mut link, &reply, true), Heard::Synced(at(1)));
    link
}

fn send(link: &mut Link, ticket: u64, silent: bool) -> String {
    String::from_utf8(link.send(ticket, silent, (at(0), TIME), 77)).unwrap()
}

#[test]
fn an_open_port_is_synced_before_any_command() {
    let mut link = Link::default();
    assert!(!link.is_open());
    assert_eq!(link.next_due(), None);
    let sent = link.open(at(0), u64::MAX);
    let number = (1_u64 << 53) - 1;
    let wanted = format!(
        "{{\"execute\":\"guest-sync-delimited\",\"arguments\":{{\"id\":{number}}},\"id\":{number}}}\n"
    );
    assert_eq!(sent, [b"\xff", wanted.as_bytes()].concat());
    assert!(link.is_open() && !link.is_idle());
    let refused = [
        (
            r#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#,
            false,
        ),
        (r#"{"return": 4}"#, true),
        (r#"{"return": {}, "id": 9007199254740991}"#, true),
        (r#"{"return": 9007199254740991}"#, false),
        (r#"{"return": 9007199254740991.0}"#, true),
    ];
    for (text, delimited) in refused {
        assert_eq!(hear(&mut link, text, delimited), Heard::Unasked, "{text}");
    }
    let reply = format!(r#"{{"return": {number}}}"#);
    assert_eq!(hear(&mut link, &reply, true), Heard::Synced(at(1)));
    assert!(link.is_idle());
    assert_eq!(hear(&mut link, &reply, true), Heard::Unasked);
}

#[test]
fn only_the_reply_with_the_commands_number_is_its_answer() {
    let mut link = idle(true);
    assert_eq!(send(&mut link, 1, false), "");
    for text in [
        r#"{"return": 1}"#,
        r#"{"return": 1, "id": 2}"#,
        r#"{"return": 1, "id": "1"}"#,
        r#"{"return": 5, "id": 5}"#,
    ] {
        assert_eq!(hear(&mut link, text, false), Heard::Unasked, "{text}");
    }
    let answer = r#"{"return": 1, "id": 1}"#;
    assert_eq!(hear(&mut link, answer, true), Heard::Unasked);
    assert_eq!(hear(&mut link, answer, false), Heard::Answer(at(1)));
    assert!(link.is_idle());
    assert_eq!(hear(&mut link, answer, false), Heard::Unasked);
    send(&mut link, 2, false);
    assert_eq!(hear(&mut link, answer, false), Heard::Unasked);
}

#[test]
fn an_agent_that_repeats_no_ids_is_answered_for_in_order() {
    let mut link = idle(false);
    send(&mut link, 1, false);
    assert_eq!(
        hear(&mut link, r#"{"return": {}}"#, false),
        Heard::Answer(at(1))
    );
    send(&mut link, 1, false);
    let other = r#"{"return": {}, "id": 2}"#;
    assert_eq!(hear(&mut link, other, false), Heard::Unasked);
}

#[test]
fn a_command_without_a_reply_is_done_when_the_sync_behind_it_is_answered() {
    let mut link = idle(true);
    let wanted = "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":77},\"id\":77}\n";
    assert_eq!(send(&mut link, 1, true), wanted);
    let fence = r#"{"return": 77, "id": 77}"#;
    assert_eq!(hear(&mut link, fence, true), Heard::Silence(at(1)));
    assert!(link.is_idle());

    send(&mut link, 2, true);
    let error = r#"{"error": {"class": "GenericError", "desc": "no"}, "id": 2}"#;
    assert_eq!(hear(&mut link, error, false), Heard::Answer(at(1)));
    assert!(!link.is_idle());
    assert_eq!(hear(&mut link, fence, true), Heard::Synced(at(0)));
    assert!(link.is_idle());
}

#[test]
fn a_late_command_is_given_up_and_followed_by_a_sync() {
    let mut link = idle(true);
    send(&mut link, 1, false);
    assert_eq!(link.next_due(), Some(TIME));
    let early = link.tick(TIME - Duration::from_nanos(1), true, 9);
    assert_eq!((early.gave_up, early.sync.len()), (false, 0));
    let due = link.tick(TIME, true, 9);
    assert!(due.gave_up && !due.sync_late && due.sync.starts_with(b"\xff{"));
    assert_eq!(
        hear(&mut link, r#"{"return": 1, "id": 1}"#, false),
        Heard::Unasked
    );
    let synced = hear(&mut link, r#"{"return": 9, "id": 9}"#, true);
    assert!(matches!(synced, Heard::Synced(_)));
}

#[test]
fn a_command_can_be_given_less_time_but_not_more() {
    let mut link = idle(true);
    send(&mut link, 1, false);
    link.hurry(at(20));
    assert_eq!(link.next_due(), Some(TIME));
    link.hurry(at(3));
    assert!(link.tick(at(3), true, 9).gave_up);
}

#[test]
fn a_sync_is_tried_again_ever_more_rarely() {
    let mut link = Link::default();
    link.open(at(0), 0);
    let mut waits = Vec::new();
    let mut now = at(0);
    for random in 1..8 {
        let until = link.next_due().unwrap();
        waits.push((until - now).as_secs());
        now = until;
        let due = link.tick(now, true, random);
        assert!(due.sync_late && !due.gave_up && !due.sync.is_empty());
    }
    assert_eq!(waits, [5, 10, 20, 40, 60, 60, 60]);
    assert_eq!(hear(&mut link, r#"{"return": 6}"#, true), Heard::Unasked);
    let last = hear(&mut link, r#"{"return": 7}"#, true);
    assert!(matches!(last, Heard::Synced(_)));
    link.sync(now, 8);
    assert_eq!(link.next_due(), Some(now + SYNC_FIRST));
}

#[test]
fn to_an_agent_that_reads_nothing_no_more_is_sent() {
    let mut link = Link::default();
    link.open(at(0), 1);
    let due = link.tick(at(5), false, 2);
    assert_eq!((due.gave_up, due.sync.len()), (false, 0));
    assert_eq!(link.next_due(), Some(at(10)));
    assert_eq!(hear(&mut link, r#"{"return": 1}"#, true), Heard::Unasked);
    assert!(!link.tick(at(10), true, 3).sync.is_empty());
}

#[test]
fn a_closed_port_has_nothing_due_and_answers_nothing() {
    let mut link = idle(true);
    send(&mut link, 1, false);
    link.close();
    assert!(!link.is_open());
    assert_eq!(link.next_due(), None);
    assert_eq!(
        hear(&mut link, r#"{"return": 1, "id": 1}"#, false),
        Heard::Unasked
    );
    assert!(!link.tick(at(100), true, 1).gave_up);
}
