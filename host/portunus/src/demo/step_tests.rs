//! Tests of what is told.

use super::*;

#[test]
fn what_the_guest_chose_is_never_told_raw() {
    let text = || "a\u{1b}[2Jb\r\n\u{202e}".to_owned();
    for step in [
        Step::Kernel(text()),
        Step::Ports(text()),
        Step::Wrote(text()),
        Step::CameBack(text()),
        Step::Logged(text()),
    ] {
        let told = step.to_string();
        assert!(told.contains(r"a\u{1b}[2Jb\r\n\u{202e}"), "{told}");
    }
}

#[test]
fn every_line_of_the_configuration_is_told_as_a_line() {
    assert_eq!(
        Step::Configuration("[vm]\n\nname = \"demo\"\n").to_string(),
        "host  | the configuration, demo.toml:\n\
         host  |   [vm]\n\
         host  |\n\
         host  |   name = \"demo\""
    );
}
