//! Faults as tools read them.

use super::*;

#[test]
fn faults_come_in_the_order_of_the_file() {
    let at = |start: usize| Diagnostic::new(start.to_string()).at((start..start + 1).into(), "");
    let whole = Diagnostic::new("whole");
    let source = Source::new("demo.toml", "0123456789");
    let faults = Diagnostics::new(source, vec![at(5), whole, at(1)]);
    let order: Vec<_> = faults
        .faults()
        .iter()
        .map(|fault| fault.what.as_str())
        .collect();
    assert_eq!(order, ["whole", "1", "5"]);
}

#[test]
fn faults_past_the_bound_are_counted() {
    let source = Source::new("demo.toml", "");
    let faults = Diagnostics::new(source, vec![Diagnostic::new("x"); MAX_REPORTED + 3]);
    assert_eq!((faults.faults().len(), faults.omitted()), (MAX_REPORTED, 3));
    assert!(
        faults
            .to_string()
            .ends_with("103 faults in demo.toml; the last 3 are not shown\n")
    );
}

#[test]
fn the_report_has_lines_and_columns() {
    let source = Source::new("demo.toml", "a = 1\nb = 'x'\n");
    let fault = Diagnostic::new("no")
        .at((10..13).into(), "here")
        .help("yes");
    let faults = Diagnostics::new(source, vec![fault]);
    let report = serde_json::to_string(&faults.report()).unwrap();
    let expected = concat!(
        r#"{"file":"demo.toml","ok":false,"faults":[{"what":"no","help":"yes","places":"#,
        r#"[{"line":2,"column":5,"end_line":2,"end_column":8,"text":"here"}]}],"omitted":0}"#,
    );
    assert_eq!(report, expected);
}
