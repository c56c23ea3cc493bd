//! Tests of `paths.rs`.

use proptest::prelude::*;

use super::*;

fn covers(prefix: &str, path: &str) -> bool {
    serde_json::from_value::<Prefix>(prefix.into())
        .unwrap()
        .covers(path)
}

#[test]
fn a_prefix_covers_itself_and_what_is_below() {
    let cases = [
        ("/var/log", "/var/log"),
        ("/var/log", "/var/log/syslog"),
        ("/var/log/", "/var/log/a/b"),
        ("/", "/etc/shadow"),
        ("/var/log", "/var/log/a..b/..c"),
        ("/var/log", "/var/log//x"),
        (r"C:\logs", r"C:\logs\a"),
        ("C:/logs", "C:/logs/a"),
    ];
    for (prefix, path) in cases {
        assert!(covers(prefix, path), "{prefix} {path}");
    }
}

#[test]
fn what_leaves_a_prefix_by_its_words_is_not_covered() {
    let cases = [
        ("/var/log", "/var/logs"),
        ("/var/log", "/var"),
        ("/var/log/", "/var/log"),
        ("/var/log", "/var/log/../../etc/shadow"),
        ("/var/log", "/var/log/.."),
        ("/var/log", "/var/log/..\\..\\x"),
        ("/var/log", "var/log/x"),
        ("/var/log", "//var/log/x"),
        ("/var/log", "/var/./log"),
        ("/var/log", "/var/log/a\0b"),
        ("/var/log", "/var/log/a\n"),
        ("/", ""),
        ("/", r"\\server\share"),
        (r"C:\logs", r"C:\logs\.. \x"),
        (r"C:\logs", r"C:\logs\...\x"),
        (r"C:\logs", r"c:\logs\x"),
        (r"C:\logs", r"C:logs"),
    ];
    for (prefix, path) in cases {
        assert!(!covers(prefix, path), "{prefix} {path}");
    }
}

#[test]
fn a_prefix_must_be_a_path_that_says_where_it_leads() {
    for text in ["", "log", "../log", "/var/../log", "/a\tb", "C:log"] {
        let error = serde_json::from_value::<Prefix>(text.into()).unwrap_err();
        assert!(error.to_string().contains("absolute path"), "{error}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_covered_resolves_to_a_place_outside(parts in prop::collection::vec("(a|b|\\.|\\.\\.|log|var)", 0..8)) {
        let path = format!("/{}", parts.join("/"));
        let mut resolved: Vec<&str> = Vec::new();
        for part in &parts {
            match part.as_str() {
                "." => {}
                ".." => { resolved.pop(); }
                part => resolved.push(part),
            }
        }
        if covers("/var/log", &path) {
            prop_assert_eq!(&resolved[..2], &["var", "log"], "{}", path);
        }
    }
}
