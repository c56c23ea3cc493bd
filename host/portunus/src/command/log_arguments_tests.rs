//! Which of the options wins.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    log: LogArguments,
}

fn filter(arguments: &[&str]) -> String {
    let line = Line::try_parse_from([&["portunus"], arguments].concat()).unwrap();
    line.log.filter(Verbosity::louder(0)).to_string()
}

#[test]
fn what_is_said_by_v_or_q_wins_over_the_filter() {
    assert_eq!(filter(&["--log", "error"]), "error");
    assert_eq!(
        filter(&["--log", "error", "-v"]),
        Verbosity::louder(1).filter().to_string()
    );
    assert_eq!(
        filter(&["-vvv", "--log", "error"]),
        Verbosity::louder(2).filter().to_string()
    );
    assert_eq!(
        filter(&["--log", "trace", "-q"]),
        Verbosity::quiet().filter().to_string()
    );
}

#[test]
fn an_empty_filter_is_none() {
    assert_eq!(
        filter(&["--log", ""]),
        Verbosity::louder(0).filter().to_string()
    );
}

#[test]
fn what_is_no_filter_is_refused() {
    assert!(Line::try_parse_from(["portunus", "--log", "portunus=loud"]).is_err());
    assert!(Line::try_parse_from(["portunus", "-q", "-v"]).is_err());
    assert!(Line::try_parse_from(["portunus", "--log-format", "xml"]).is_err());
}

#[test]
fn what_a_command_has_unasked_is_only_for_those_who_do_not_ask() {
    let filter = |arguments: &[&str]| {
        let line = Line::try_parse_from([&["portunus"], arguments].concat()).unwrap();
        line.log.filter(Verbosity::quiet()).to_string()
    };
    assert_eq!(filter(&[]), Verbosity::quiet().filter().to_string());
    assert_eq!(filter(&["--log", "error"]), "error");
    assert_eq!(filter(&["-v"]), Verbosity::louder(1).filter().to_string());
}
