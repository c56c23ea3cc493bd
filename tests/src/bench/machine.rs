//! The program's own machine, with the guest that needs no kernel: how soon it
//! runs, what it takes beside its memory, and how often guest and host call each
//! other for a MiB.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use portunus_guest_image::PATH as GUEST;
use tempfile::TempDir;

use super::report::{Goal, Row, time};
use super::rounds::{Scale, Times};
use crate::guest::{DEADLINE, project};
use crate::lines::Lines;

/// Guest memory, in MiB.
const MEMORY_MIB: u64 = 128;

/// From the start of the process to the guest's first byte, in ms.
const START_GOAL: Goal = Goal::AtMost(20.0);

/// Resident memory beyond the guest's, in MiB.
const OVERHEAD_GOAL: Goal = Goal::AtMost(40.0);

/// Bytes that the guest streams: a KVM that only emulates takes half a second
/// for them.
const STREAM_BYTES: u64 = 1 << 20;

/// What the kernel may join to the mapping of the guest's memory.
const NEIGHBOURS_KIB: f64 = 1024.0;

const BYTES_IN_MIB: f64 = 1_048_576.0;

/// All of it. `program` is a build of `portunus`.
///
/// # Errors
///
/// What could not be started, or what the guest said instead.
pub fn rows(scale: Scale, program: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = vec![first_instruction(scale, program)?, overhead(program)?];
    rows.extend(calls(program)?);
    Ok(rows)
}

fn first_instruction(scale: Scale, program: &Path) -> Result<Row, Box<dyn Error>> {
    // It leaves the plugin's code in the cache.
    Machine::start(program, "ports=0")?.first_byte()?;
    let mut times = Times::default();
    for _ in 0..scale.rounds.div_ceil(20) {
        let start = Instant::now();
        Machine::start(program, "ports=0")?.first_byte()?;
        times.push(start.elapsed());
    }
    let median = times.median_ns();
    Ok(Row {
        what: "machine: process start to the guest's first byte".into(),
        base: format!("{MEMORY_MIB} MiB, 2 ports"),
        measured: time(median),
        figure: median / 1e6,
        unit: " ms",
        goal: START_GOAL,
    })
}

fn overhead(program: &Path) -> Result<Row, Box<dyn Error>> {
    let mut machine = Machine::start(program, "end=halt")?;
    machine.lines()?.find("guest: ends: halt", DEADLINE);
    let smaps = fs::read_to_string(format!("/proc/{}/smaps", machine.child.id()))?;
    let (guest_kib, all_kib) = resident_kib(&smaps);
    let beyond_mib = (all_kib - guest_kib) / 1024.0;
    Ok(Row {
        what: "machine: resident beyond guest memory".into(),
        base: format!("the guest's {guest_kib:.0} KiB"),
        measured: format!("all {all_kib:.0} KiB"),
        figure: beyond_mib,
        unit: " MiB",
        goal: OVERHEAD_GOAL,
    })
}

/// What is resident of the guest's memory, and of all mappings, in KiB: the
/// guest's is the one mapping of its size, or of a little more, since the kernel
/// joins neighbours.
fn resident_kib(smaps: &str) -> (f64, f64) {
    let size_kib = (MEMORY_MIB * 1024) as f64;
    let guest_size = size_kib..size_kib + NEIGHBOURS_KIB;
    let (mut guest, mut all, mut is_guest) = (0.0, 0.0, false);
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (key, value) = (words.next(), words.next());
        let value = value.and_then(|value| value.parse::<f64>().ok());
        match (key, value) {
            (Some("Size:"), Some(kib)) => is_guest = guest_size.contains(&kib),
            (Some("Rss:"), Some(kib)) => {
                all += kib;
                guest += if is_guest { kib } else { 0.0 };
            }
            _ => {}
        }
    }
    (guest, all)
}

/// Notifications and, where KVM delivers them, interrupts.
fn calls(program: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let emulates = portunus_vmm::kvm_only_emulates()?;
    let waits = if emulates { "" } else { "interrupts" };
    let words = format!("rounds=0 {waits} stream={STREAM_BYTES}");
    let mut machine = Machine::start(program, &words)?;
    let said = machine.lines()?.find("guest: stream of ", DEADLINE);
    let count = |what: &str| -> Result<f64, Box<dyn Error>> {
        let (before, _) = said.split_once(what).ok_or("the guest counts otherwise")?;
        let number = before.rsplit(' ').next().unwrap_or_default();
        Ok(number.parse()?)
    };
    let row = |what: &str, count: f64| Row {
        what: format!("machine: {what} for a MiB, there and back"),
        base: format!("{STREAM_BYTES} bytes"),
        measured: format!("{count}"),
        figure: count * BYTES_IN_MIB / STREAM_BYTES as f64,
        unit: "",
        goal: Goal::None,
    };
    let mut rows = vec![row("kicks", count(" notifications")?)];
    if !emulates {
        rows.push(row("interrupts", count(" interrupts")?));
    }
    Ok(rows)
}

/// A machine in a process of its own. Killed when it is dropped.
struct Machine {
    child: Child,
    said: Option<ChildStdout>,
    _folder: TempDir,
}

impl Machine {
    fn start(program: &Path, words: &str) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let config = format!(
            "[vm]\nkernel = \"{GUEST}\"\ncmdline = \"{words}\"\nmemory = \"{MEMORY_MIB}MiB\"\n\
             [[port]]\nname = \"org.portunus.echo.0\"\nplugin = \"echo\"\n\
             [[port]]\nname = \"org.portunus.echo.1\"\nplugin = \"echo\"\n"
        );
        fs::write(folder.path().join("vm.toml"), config)?;
        let mut child = Command::new(program)
            .args(["run", "vm.toml"])
            .current_dir(folder.path())
            .env("PORTUNUS_CACHE_DIR", project().join("target/cache"))
            .env("PORTUNUS_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.take();
        Ok(Self {
            child,
            said,
            _folder: folder,
        })
    }

    /// Waits for the first byte that the guest says.
    fn first_byte(mut self) -> Result<(), Box<dyn Error>> {
        let said = self.said.as_mut().ok_or("its output is read already")?;
        Ok(said.read_exact(&mut [0])?)
    }

    fn lines(&mut self) -> Result<Lines, Box<dyn Error>> {
        let said = self.said.take().ok_or("its output is read already")?;
        Ok(Lines::read(said))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
