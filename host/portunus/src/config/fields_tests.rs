//! What is the same for every table.

use super::super::syntax::recover;
use super::*;

/// What walking a file says, where the walk asks for two keys.
fn walk(text: &str) -> Vec<(String, String)> {
    let recovered = recover(text);
    let (table, _) = DeTable::parse_recoverable(&recovered.text);
    let faults = Faults::new(&recovered);
    let mut file = Fields::new(table.get_ref(), &faults);
    if let Some(mut inner) = file.table("inner") {
        let _: Option<Located<bool>> = inner.require("flag");
        let _: Option<Located<bool>> = inner.take("other");
        inner.finish();
    }
    file.finish();
    faults
        .into_vec()
        .into_iter()
        .map(|fault| (fault.what, fault.help))
        .collect()
}

fn one(text: &str) -> (String, String) {
    let [fault] = walk(text).try_into().unwrap();
    fault
}

#[test]
fn nothing_is_said_of_a_table_as_it_should_be() {
    assert_eq!(walk("[inner]\nflag = true\nother = false\n"), []);
    assert_eq!(walk("inner.flag = true\n"), []);
    assert_eq!(walk(""), []);
}

#[test]
fn a_missing_key_is_named_with_an_example() {
    let (what, help) = one("[inner]\n");
    assert_eq!(what, "`inner.flag` is missing");
    assert_eq!(help, "add it, for example `flag = true`");
}

#[test]
fn a_key_that_is_nearly_right_is_one_fault() {
    let (what, help) = one("[inner]\nflags = true\n");
    assert_eq!(what, "`inner.flags` is not a key that this version knows");
    assert_eq!(help, "did you mean `flag`?");
}

#[test]
fn a_key_that_is_like_none_is_told_which_there_are() {
    let (_, help) = one("inner = { flag = true, unlike = 1 }\n");
    assert_eq!(help, "the keys here are `flag`, `other`");
}

#[test]
fn a_value_of_another_type_is_told_both_types() {
    let (what, help) = one("inner = 1979-05-27\n");
    assert_eq!(what, "`inner` is a date or time, but must be a table");
    assert_eq!(help, "for example `inner = { ... }`");
    for (value, found) in [
        ("1", "an integer"),
        ("1.5", "a float"),
        ("[]", "an array"),
        ("{}", "a table"),
    ] {
        let (what, _) = one(&format!("inner.flag = {value}\n"));
        assert_eq!(
            what,
            format!("`inner.flag` is {found}, but must be a boolean")
        );
    }
}

#[test]
fn a_key_is_not_missed_where_it_may_have_been_broken() {
    let broken = walk("[inner]\nflag = yes\n");
    assert_eq!(broken, []);
    let elsewhere = walk("x = yes\n[inner]\n");
    assert_eq!(elsewhere.len(), 1);
}
