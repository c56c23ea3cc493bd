use std::collections::BTreeSet;
use std::path::Path;

use portunus_plugin::{Fault, FaultCause, LimitStruck};

use super::*;
use crate::session::Export;

fn set(counter: &AtomicU64, value: u64) {
    counter.store(value, std::sync::atomic::Ordering::Relaxed);
}

fn port(name: &str, plugin: &str) -> PortLook {
    PortLook {
        name: name.to_owned(),
        plugin: plugin.into(),
        counters: Arc::default(),
        state: PortState {
            open: true,
            outbox_bytes: 5,
            backlog_bytes: 6,
        },
        failed: Failed::default(),
        measures: MeasuresNow::default(),
    }
}

fn page_of(ports: Vec<PortLook>) -> String {
    let look = Look {
        vm: "web-1".to_owned(),
        ports,
        absent: Arc::default(),
        control: ControlFaults {
            ignored: 3,
            rings: 1,
        },
    };
    set(&look.absent.discarded_bytes, 11);
    look.page().unwrap()
}

/// A port of which every family has a sample.
async fn full_port() -> PortLook {
    let mut port = port("org.example.0", "echo");
    set(&port.counters.from_guest_bytes, 7);
    set(&port.counters.unread_bytes, 8);
    let struck = LimitStruck::Resources { limit: 1 };
    port.counters.strikes.ended(&struck);
    let fault = Fault {
        export: "on-data",
        cause: FaultCause::Limit(struck),
        backtrace: None,
    };
    let call = async { Err::<(), _>(fault) };
    let calls = &port.counters.calls;
    calls.watch(Export::OnData, call).await.unwrap_err();
    port.failed = calls.failed();
    port.measures.counts.insert("frames".into(), 4);
    port.measures.gauges.insert("frames".into(), f64::NAN);
    port
}

fn assert_line(page: &str, line: &str) {
    assert!(page.lines().any(|have| have == line), "{line}\n{page}");
}

#[tokio::test]
async fn a_page_shows_each_number_under_its_labels() {
    let page = page_of(vec![full_port().await]);
    let labels = r#"vm="web-1",port="org.example.0",plugin="echo""#;
    for (sample, value) in [
        (format!("from_guest_bytes_total{{{labels}}}"), "7"),
        (
            format!("dropped_bytes_total{{{labels},reason=\"unread\"}}"),
            "8",
        ),
        (format!("queued_bytes{{{labels},queue=\"outbox\"}}"), "5"),
        (format!("queued_bytes{{{labels},queue=\"backlog\"}}"), "6"),
        (format!("port_open{{{labels}}}"), "1"),
        (
            format!("plugin_faults_total{{{labels},call=\"on-data\",cause=\"resources\"}}"),
            "1",
        ),
        (
            format!("limits_struck_total{{{labels},limit=\"resources\"}}"),
            "1",
        ),
        (
            format!("plugin_counter_total{{{labels},name=\"frames\"}}"),
            "4",
        ),
        (format!("plugin_gauge{{{labels},name=\"frames\"}}"), "NaN"),
        (
            format!("call_seconds_bucket{{le=\"+Inf\",{labels},call=\"on-data\"}}"),
            "1",
        ),
        (
            format!("call_seconds_count{{{labels},call=\"on-data\"}}"),
            "1",
        ),
        (
            "dropped_bytes_total{vm=\"web-1\",reason=\"absent\"}".to_owned(),
            "11",
        ),
        (
            "control_messages_ignored_total{vm=\"web-1\"}".to_owned(),
            "3",
        ),
        ("control_faults_total{vm=\"web-1\"}".to_owned(), "1"),
    ] {
        assert_line(&page, &format!("portunus_{sample} {value}"));
    }
    assert!(page.ends_with("\n# EOF\n"), "{page}");
}

#[test]
fn a_call_that_never_happened_is_not_shown() {
    assert!(!page_of(vec![port("a", "echo")]).contains("call_seconds_count"));
}

#[test]
fn what_others_wrote_cannot_leave_its_label() {
    let page = page_of(vec![port(r#"a"} 1 \"#, "./x\n\"# EOF")]);
    let labels = r##"vm="web-1",port="a\"} 1 \\",plugin="./x\n\"# EOF""##;
    assert_line(&page, &format!("portunus_port_open{{{labels}}} 1"));
    let starts_well = |line: &str| line.starts_with("portunus_") || line.starts_with("# ");
    assert!(page.lines().all(starts_well), "{page}");
    assert_eq!(page.lines().filter(|line| *line == "# EOF").count(), 1);
}

/// What `docs/METRICS.md` must say of a page: a row for each family.
fn table_of(page: &str) -> String {
    let mut table = String::new();
    for head in page.split("# HELP ").skip(1) {
        let (name, rest) = head.split_once(' ').unwrap();
        let (help, rest) = rest.split_once('\n').unwrap();
        let kind = rest.lines().next().unwrap().rsplit(' ').next().unwrap();
        let samples = rest.lines().filter(|line| !line.starts_with('#'));
        // No value here has a comma or a brace.
        let labels =
            samples.filter_map(|sample| Some(sample.split_once('{')?.1.split_once('}')?.0));
        let keys = labels.flat_map(|labels| labels.split(','));
        let mut seen = BTreeSet::new();
        let keys = keys
            .map(|label| label.split_once('=').unwrap().0)
            .filter(|key| *key != "le" && seen.insert(*key));
        let keys: Vec<_> = keys.map(|key| format!("`{key}`")).collect();
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let keys = keys.join(", ");
        table += &format!("| `{name}{suffix}` | {kind} | {keys} | {help} |\n");
    }
    table
}

#[tokio::test]
async fn the_documentation_lists_what_is_shown() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/METRICS.md");
    let documentation = std::fs::read_to_string(path).unwrap();
    let rows = documentation
        .lines()
        .filter(|line| line.starts_with("| `portunus_"));
    let documented: String = rows.map(|row| format!("{row}\n")).collect();
    let shown = table_of(&page_of(vec![full_port().await]));
    assert_eq!(
        documented, shown,
        "docs/METRICS.md must have these rows:\n{shown}"
    );
}
