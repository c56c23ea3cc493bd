//! Tests of `kinds.rs`.

use super::*;

#[test]
fn numbers_are_those_of_vd_agent_h() {
    let types = ContentType::ALL.map(ContentType::wire);
    assert_eq!(types, [1, 2, 3, 4, 5, 6]);
    assert_eq!(Selection::ALL.map(Selection::wire), [0, 1, 2]);
}

#[test]
fn each_number_and_each_name_leads_back() {
    for kind in ContentType::ALL {
        assert_eq!(ContentType::from_wire(kind.wire()), Some(kind));
        assert_eq!(ContentType::from_mime(kind.mime()), Some(kind));
    }
    for selection in Selection::ALL {
        assert_eq!(Selection::from_wire(selection.wire()), Some(selection));
        assert_eq!(Selection::from_name(selection.name()), Some(selection));
    }
}

#[test]
fn other_numbers_and_names_are_none() {
    assert_eq!(ContentType::from_wire(0), None);
    assert_eq!(ContentType::from_wire(7), None);
    assert_eq!(ContentType::from_mime("image/webp"), None);
    assert_eq!(Selection::from_wire(3), None);
    assert_eq!(Selection::from_name("Clipboard"), None);
}

#[test]
fn text_is_known_by_the_name_that_desktops_give_it() {
    let name = "text/plain;charset=UTF-8";
    assert_eq!(ContentType::from_mime(name), Some(ContentType::Text));
}

#[test]
fn a_set_has_what_was_put_into_it() {
    let set: TypeSet = [ContentType::Jpeg, ContentType::Text].into_iter().collect();
    let kinds: Vec<_> = set.iter().collect();
    assert_eq!(kinds, [ContentType::Text, ContentType::Jpeg]);
    assert!(!set.contains(ContentType::Png));
    let images: TypeSet = [ContentType::Jpeg, ContentType::Png].into_iter().collect();
    assert_eq!(set.and(images), [ContentType::Jpeg].into_iter().collect());
    assert!(set.and(TypeSet::default()).is_empty());
}
