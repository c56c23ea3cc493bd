//! Tests of `spec.rs`.

use portunus_plugin_sdk::testing::Host;

use super::*;

fn parse(config: &str) -> Result<Spec, String> {
    Spec::parse(&Host::new().start(config))
}

#[test]
fn a_path_is_enough() {
    let spec = parse(r#"{"path": "/logs/a.log"}"#).unwrap();
    assert_eq!(spec.path, "/logs/a.log");
    assert_eq!(spec.rotate_bytes, 10 << 20);
    assert_eq!(spec.keep, 5);
    assert_eq!(spec.max_line_bytes, 8 << 10);
    assert_eq!((spec.framing, spec.output), (Framing::Lines, Output::Text));
}

#[test]
fn every_key_is_heeded() {
    let config = r#"{
        "path": "a", "rotate": "1MiB", "keep": 9, "max-line": "100B", "format": "syslog",
        "output": "json"
    }"#;
    let spec = parse(config).unwrap();
    let wanted = Spec {
        path: "a".into(),
        rotate_bytes: 1 << 20,
        keep: 9,
        max_line_bytes: 100,
        framing: Framing::Syslog,
        output: Output::Json(Format::Syslog),
    };
    assert_eq!(spec, wanted);
}

#[test]
fn what_is_wrong_is_named_by_its_key() {
    let cases = [
        (r"{}", "path"),
        (r#"{"path": ""}"#, "config.path"),
        (r#"{"path": "/logs/"}"#, "config.path"),
        (r#"{"path": "a", "rotate": "10MB"}"#, "config.rotate"),
        (
            r#"{"path": "a", "rotate": "1023B"}"#,
            "config.rotate: 1023B is not between 1KiB and ",
        ),
        (
            r#"{"path": "a", "keep": 0}"#,
            "config.keep: 0 is not between 1 and 99",
        ),
        (r#"{"path": "a", "keep": -1}"#, "config.keep"),
        (
            r#"{"path": "a", "max-line": "1MiB"}"#,
            "config.max-line: 1MiB is not between 64B and 32KiB",
        ),
        (
            r#"{"path": "a", "format": "xml"}"#,
            "unknown variant `xml`, expected one of `lines`, `syslog`, `anaconda`",
        ),
        (
            r#"{"path": "a", "output": "JSON"}"#,
            "expected `text` or `json`",
        ),
        (r#"{"path": "a", "max_line": "1KiB"}"#, "max_line"),
    ];
    for (config, message) in cases {
        let error = parse(config).unwrap_err();
        assert!(error.contains(message), "{config}: {error}");
    }
}
