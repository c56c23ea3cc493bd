//! What a plugin gets of its table.

use super::*;

fn convert(text: &str) -> (String, usize) {
    let (table, errors) = DeTable::parse_recoverable(text);
    assert!(errors.is_empty(), "{errors:?}");
    let mut faults = Vec::new();
    let json = object(table.get_ref(), &mut |fault| faults.push(fault));
    (serde_json::to_string(&json).unwrap(), faults.len())
}

#[test]
fn every_kind_of_value_has_its_like_in_json() {
    let text = "a = 'x'\nb = -1\nc = 1.5\nd = true\ne = 1979-05-27T07:32:00Z\nf = [1, {g = 0xff}]\nh.i = {}";
    let json = r#"{"a":"x","b":-1,"c":1.5,"d":true,"e":"1979-05-27T07:32:00Z","f":[1,{"g":255}],"h":{"i":{}}}"#;
    assert_eq!(convert(text), (json.to_owned(), 0));
}

#[test]
fn numbers_that_json_has_not_are_each_reported() {
    assert_eq!(
        convert("a = nan\nb = [inf, 1]\nc = 99999999999999999999").1,
        3
    );
    assert_eq!(
        convert("a = 18446744073709551615"),
        (r#"{"a":18446744073709551615}"#.to_owned(), 0)
    );
}
