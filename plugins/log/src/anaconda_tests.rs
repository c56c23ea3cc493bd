//! Tests of `anaconda.rs`.

use super::*;

#[test]
fn a_line_of_the_installer_is_taken_apart() {
    let message = parse("10:05:58,034 WARNING anaconda: storage: no disk selected").unwrap();
    let parts = Message {
        severity: Some("warning"),
        sent: Some("10:05:58,034"),
        program: Some("anaconda"),
        message: "storage: no disk selected",
        ..Message::default()
    };
    assert_eq!(message, parts);
    let kernel = parse("10:05:58,0 EMERG kernel: [    0.000000] out of memory").unwrap();
    assert_eq!(
        (kernel.severity, kernel.program, kernel.message),
        (
            Some("emerg"),
            Some("kernel"),
            "[    0.000000] out of memory"
        )
    );
    assert_eq!(
        parse("10:05:58,034 ERROR say nothing").map(|message| (message.severity, message.message)),
        Some((Some("err"), "say nothing"))
    );
}

#[test]
fn what_is_not_the_installer_s_is_told_whole() {
    for line in [
        "",
        "10:05:58,034",
        "10:05:58,034 WARNING",
        "10:05:58 WARNING anaconda: x",
        "10:05:58,03a4567890123 INFO x: y",
        "1:05:58,034 INFO anaconda: x",
        "10:05:58,034 Warning anaconda: x",
        "Traceback (most recent call last):",
    ] {
        assert_eq!(parse(line), None, "{line}");
    }
}
