//! Names of machines.

use super::*;

fn refused(text: &str) -> String {
    text.parse::<VmName>().unwrap_err().what
}

#[test]
fn a_machine_is_named_in_a_line_of_64_bytes() {
    assert_eq!("web 1".parse::<VmName>().unwrap().as_str(), "web 1");
    assert!("x".repeat(64).parse::<VmName>().is_ok());
    assert_eq!(refused(&"x".repeat(65)), "has 65 bytes");
    assert_eq!(refused(""), "is empty");
    assert_eq!(refused("a\nb"), "has a control character");
    assert_eq!(refused("a/b"), "has a slash");
}
