//! Lines of the log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;
use crate::escape::Escaped;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written while `act` runs.
pub(crate) fn logged(filter: EnvFilter, format: LogFormat, act: impl FnOnce()) -> String {
    let page = Page::default();
    let writer = page.clone();
    let subscriber = subscriber(filter, format, false, move || writer.clone());
    tracing::subscriber::with_default(subscriber, act);
    String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
}

fn log_in_spans() {
    let _vm = tracing::info_span!("vm", name = "web-1").entered();
    let _port = tracing::info_span!("port", name = %"org.example.0", id = %7).entered();
    tracing::warn!(
        lost_bytes = 3,
        by = "us",
        "dropped {}",
        Escaped::new("\u{1b}[31m\n")
    );
}

#[test]
fn a_text_line_names_the_machine_and_the_port() {
    let page = logged(Verbosity::louder(0).filter(), LogFormat::Text, log_in_spans);
    let (_time, rest) = page.split_once(' ').unwrap();
    let expected = " WARN vm{name=\"web-1\"}:port{name=org.example.0 id=7}: portunus::logging::tests: \
                    dropped \\u{1b}[31m\\n lost_bytes=3 by=\"us\"\n";
    assert_eq!(rest, expected);
}

#[test]
fn a_json_line_names_the_machine_and_the_port() {
    let page = logged(Verbosity::louder(0).filter(), LogFormat::Json, log_in_spans);
    assert_eq!(page.lines().count(), 1);
    let line: Json = serde_json::from_str(&page).unwrap();
    assert_eq!(line["vm"], serde_json::json!({ "name": "web-1" }));
    assert_eq!(
        line["port"],
        serde_json::json!({ "name": "org.example.0", "id": "7" })
    );
    assert_eq!(
        line["fields"],
        serde_json::json!({ "lost_bytes": 3, "by": "us" })
    );
    assert_eq!(line["message"], "dropped \\u{1b}[31m\\n");
    assert_eq!(
        (&line["level"], &line["target"]),
        (&"WARN".into(), &"portunus::logging::tests".into())
    );
    assert!(line["time"].as_str().unwrap().ends_with('Z'));
}

/// How many of a trace, a debug, an info and a warning of ours, and of an info
/// and a warning of a library, come through.
fn counts(filter: EnvFilter) -> (usize, usize) {
    let page = logged(filter, LogFormat::Text, || {
        tracing::trace!("ours");
        tracing::debug!("ours");
        tracing::info!("ours");
        tracing::warn!("ours");
        tracing::info!(target: "library", "theirs");
        tracing::warn!(target: "library", "theirs");
    });
    (page.matches("ours").count(), page.matches("theirs").count())
}

#[test]
fn verbosity_is_ours_and_warnings_are_everyones() {
    assert_eq!(counts(Verbosity::quiet().filter()), (1, 1));
    assert_eq!(counts(Verbosity::louder(0).filter()), (2, 1));
    assert_eq!(counts(Verbosity::louder(1).filter()), (3, 1));
    assert_eq!(counts(Verbosity::louder(2).filter()), (4, 1));
    assert_eq!(counts(Verbosity::louder(200).filter()), (4, 1));
}

#[test]
fn what_plugins_say_is_logged_like_our_own_words() {
    let said = |filter| {
        logged(filter, LogFormat::Text, || {
            tracing::info!(target: PLUGIN, "said");
            tracing::debug!(target: PLUGIN, "said");
        })
        .matches("said")
        .count()
    };
    assert_eq!(said(Verbosity::quiet().filter()), 0);
    assert_eq!(said(Verbosity::louder(0).filter()), 1);
    assert_eq!(said(Verbosity::louder(1).filter()), 2);
}

#[test]
fn a_filter_of_the_environment_names_levels_and_targets() {
    assert_eq!(counts(parse_filter("error").unwrap()), (0, 0));
    assert_eq!(counts(parse_filter("library=info").unwrap()), (0, 2));
    assert_eq!(counts(parse_filter("debug,library=off").unwrap()), (3, 0));
    assert!(parse_filter("portunus=loud").is_err());
}
