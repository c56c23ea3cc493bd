//! What a port costs, as ratios to what it could cost: `make bench`.
//!
//! A plain program and not a harness: it compares two things in turns, which a
//! harness that measures one after the other cannot, and prints one table.
//! Words on the command line name the parts to run; all run without one. Called
//! as `serve` or `run` it is `portunus`, and so is the child that compiles plugins
//! for it: the program measured is the one that was built for it.

use std::error::Error;
use std::process::ExitCode;

use portunus_plugin::Engine;
use portunus_tests::bench::report::{Row, head};
use portunus_tests::bench::rounds::Scale;
use portunus_tests::bench::{
    agent, clipboard, idle, machine, many, real_guest, round_trips, start, streams,
};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some("serve" | "run" | "compile") = std::env::args().nth(1).as_deref() {
        return Ok(portunus::command::main());
    }
    // cargo itself adds `--bench`.
    let parts: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);

    let scale = Scale::FULL;
    let engine = Engine::new()?;
    println!("{}", head());
    if wanted("null") {
        print(&[streams::null(scale)?]);
    }
    if wanted("streams") {
        print(&streams::echoes(scale, &engine)?);
    }
    if wanted("round-trips") {
        print(&round_trips::echoes(scale, &engine)?);
    }
    if wanted("many") {
        print(&many::ports(scale, &engine)?);
    }
    if wanted("clipboard") {
        print(&clipboard::images(scale, &engine)?);
    }
    if wanted("agent") {
        print(&agent::pings(scale, &engine)?);
    }
    if wanted("start") {
        print(&start::rows(scale, &engine)?);
    }
    if wanted("real-guest") {
        print(&real_guest::echoes(scale)?);
    }
    if wanted("idle") {
        print(&idle::rows(scale, &std::env::current_exe()?)?);
    }
    if wanted("machine") {
        print(&machine::rows(scale, &std::env::current_exe()?)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(rows: &[Row]) {
    for row in rows {
        println!("{row}");
    }
}
