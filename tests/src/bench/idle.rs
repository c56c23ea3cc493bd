//! Ports that nobody uses: what memory one holds, and how often it wakes the
//! program that serves it.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use portunus::guest::UmlSpec;

use super::report::{Goal, Row};
use super::rounds::Scale;
use crate::device::{compile, sample};
use crate::guest::{DEADLINE, root};
use crate::program::Program;

/// Ports beyond the first, among which their memory is divided.
const MORE_PORTS: u32 = 100;

/// Ports of a guest: User Mode Linux knows 31, the console's included.
const GUEST_PORTS: u32 = 30;

/// What every port in use echoes before all is quiet, in bytes: so many that
/// none is done before the last has begun, which `all` wants.
const USED_BYTES: usize = 1_000_000;

/// Resident memory of one idle port, in KiB.
const MEMORY_GOAL: Goal = Goal::AtMost(64.0);

/// How long a program may take to become quiet after its last work: many times
/// what the epoch ticker lingers (17 ms).
const SETTLE: Duration = Duration::from_millis(500);

/// Idle ports of a program without a guest, then of one whose guest has used
/// all of them. `program` is a build of `portunus`.
///
/// # Errors
///
/// What could not be started, or what the guest said instead.
pub fn rows(scale: Scale, program: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let one = Program::serve_by(&mut Command::new(program), &config(1));
    let many = Program::serve_by(&mut Command::new(program), &config(1 + MORE_PORTS));
    std::thread::sleep(SETTLE);
    let (few_kib, many_kib) = (kib(&one, "VmRSS")?, kib(&many, "VmRSS")?);
    let woken = switches_within(&many, scale.quiet)?;
    drop((one, many));

    let mut rows = vec![
        memory("never used", MEMORY_GOAL, few_kib, many_kib, MORE_PORTS),
        wake_ups("never used", woken, 1 + MORE_PORTS, scale),
    ];
    rows.extend(used(scale, program)?);
    Ok(rows)
}

fn used(scale: Scale, program: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let served = Program::serve_by(&mut Command::new(program), &config(GUEST_PORTS));
    std::thread::sleep(SETTLE);
    let before_kib = kib(&served, "RssAnon")?;
    let root = root()?;
    let names: Vec<_> = (0..GUEST_PORTS).map(name).collect();
    let script = format!(
        "#!/bin/sh\nset -e\n./wait-for-port.sh {}\n./all {USED_BYTES}\necho quiet\nread -r line\n",
        names.join(" ")
    );
    let mut spec = UmlSpec::new(&root, script.as_bytes());
    spec.device = Some(served.socket());
    let waiting = fs::read(sample("wait-for-port.sh"))?;
    spec.programs.push(("wait-for-port.sh".into(), waiting));
    spec.programs.push(("all".into(), compile("all")?));
    let mut guest = spec.boot()?;
    guest.find_line("use every port", DEADLINE, |line| line == "quiet")?;
    std::thread::sleep(SETTLE);
    let after_kib = kib(&served, "RssAnon")?;
    let woken = switches_within(&served, scale.quiet)?;
    guest.say("done")?;
    guest.finish(DEADLINE)?;
    Ok(vec![
        memory("after use", MEMORY_GOAL, before_kib, after_kib, GUEST_PORTS),
        wake_ups("after use", woken, GUEST_PORTS, scale),
    ])
}

fn name(number: u32) -> String {
    format!("org.portunus.echo.{number}")
}

fn config(ports: u32) -> String {
    let mut config = String::new();
    if ports > GUEST_PORTS {
        config += "[device]\nmax-ports = 127\n";
    }
    for number in 0..ports {
        let name = name(number);
        // Writing to a string does not fail.
        let _ = write!(config, "[[port]]\nname = \"{name}\"\nplugin = \"echo\"\n");
    }
    config
}

/// Resident memory of a program before and after it has `ports` more of these.
fn memory(when: &str, goal: Goal, before_kib: f64, after_kib: f64, ports: u32) -> Row {
    Row {
        what: format!("idle port with a plugin, {when}: memory"),
        base: format!("without {before_kib} KiB"),
        measured: format!("{ports} ports {after_kib} KiB"),
        figure: (after_kib - before_kib) / f64::from(ports),
        unit: " KiB",
        goal,
    }
}

fn wake_ups(when: &str, woken: u64, ports: u32, scale: Scale) -> Row {
    Row {
        what: format!("idle ports with plugins, {when}: switches"),
        base: format!("within {:?}", scale.quiet),
        measured: format!("{ports} ports {woken}"),
        figure: u32::try_from(woken).unwrap_or(u32::MAX).into(),
        unit: "",
        goal: Goal::AtMost(0.0),
    }
}

/// One line of `/proc/PID/status` that counts kibibytes.
///
/// # Errors
///
/// Where the process has no such line.
pub fn kib(program: &Program, field: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid()))?;
    Ok(count(&status, field)
        .ok_or_else(|| format!("no {field} in a process's status"))?
        .parse()?)
}

/// How often the program's threads were switched, willingly or not.
fn switches_within(program: &Program, quiet: Duration) -> Result<u64, Box<dyn Error>> {
    let before = switches(program)?;
    std::thread::sleep(quiet);
    Ok(switches(program)? - before)
}

fn switches(program: &Program) -> Result<u64, Box<dyn Error>> {
    let mut sum: u64 = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", program.pid()))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        for field in ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"] {
            sum += count(&status, field).unwrap_or("0").parse::<u64>()?;
        }
    }
    Ok(sum)
}

fn count<'a>(status: &'a str, field: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.strip_prefix(':')?.split_whitespace().next()
}
