//! Through a real guest: its kernel, its driver and its programs, with one port
//! that a plugin answers and one that native code does, in turns.

use std::error::Error;
use std::time::Duration;

use portunus::guest::{Guest, UmlSpec};
use rustix::time::{ClockId, clock_gettime};

use super::report::{Goal, Row, time};
use super::rounds::{Scale, median};
use crate::device::{EchoDevice, compile, sample};
use crate::guest::{DEADLINE, root};

/// Message sizes, in bytes.
const SIZES: [usize; 3] = [64, 4 << 10, 32 << 10];

/// Messages in a stream at most: a guest writes small ones slowly.
const STREAM_MESSAGES: usize = 40_000;

/// What a plugin should reach of a native handler.
const GOAL: Goal = Goal::AtLeast(0.95);

const PORTS: [&str; 2] = ["org.portunus.plugin.0", "org.portunus.native.0"];

/// What the guest says of one turn.
#[derive(Debug, Clone, Copy)]
struct Turn {
    size: usize,
    plugin: bool,
    p50_ns: f64,
    p99_ns: f64,
    bytes_per_s: f64,
    /// Of one processor, what this process used of it meanwhile.
    host_share: f64,
}

/// Throughput and round trips.
///
/// # Errors
///
/// What could not be started, or what the guest said instead.
pub fn echoes(scale: Scale) -> Result<Vec<Row>, Box<dyn Error>> {
    let device = EchoDevice::beside_native(PORTS[0], PORTS[1])?;
    let root = root()?;
    let mut spec = UmlSpec::new(&root, script(scale).as_bytes());
    spec.device = Some(device.socket());
    let waiting = std::fs::read(sample("wait-for-port.sh"))?;
    spec.programs.push(("wait-for-port.sh".into(), waiting));
    spec.programs.push(("measure".into(), compile("measure")?));
    let mut guest = spec.boot()?;
    let turns = (0..scale.guest_rounds * SIZES.len() * PORTS.len())
        .map(|_| next_turn(&mut guest))
        .collect::<Result<Vec<_>, _>>()?;
    guest.finish(DEADLINE)?;
    Ok(SIZES.iter().flat_map(|size| rows(*size, &turns)).collect())
}

fn script(scale: Scale) -> String {
    let mut script = format!(
        "#!/bin/sh\nset -e\n./wait-for-port.sh {}\n",
        PORTS.join(" ")
    );
    for _ in 0..scale.guest_rounds {
        for size in SIZES {
            for port in PORTS {
                let bytes = scale.guest_bytes.min(size * STREAM_MESSAGES);
                let trips = scale.guest_round_trips;
                script += &format!("./measure /dev/virtio-ports/{port} {size} {trips} {bytes}\n");
            }
        }
    }
    script
}

/// Waits for the next line of `examples/guest/measure.c`.
fn next_turn(guest: &mut Guest) -> Result<Turn, Box<dyn Error>> {
    let (cpu, start) = (process_cpu(), std::time::Instant::now());
    let line = guest.find_line("measure", DEADLINE, |line| line.starts_with("measured "))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let [
        "measured",
        port,
        size,
        "p50_ns",
        p50,
        "p99_ns",
        p99,
        "bytes_per_s",
        rate,
    ] = words[..]
    else {
        return Err(line.into());
    };
    Ok(Turn {
        size: size.parse()?,
        plugin: port.ends_with(PORTS[0]),
        p50_ns: p50.parse()?,
        p99_ns: p99.parse()?,
        bytes_per_s: rate.parse()?,
        host_share: (process_cpu() - cpu).as_secs_f64() / start.elapsed().as_secs_f64(),
    })
}

fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// The figures are medians over the rounds of what one round's two turns give:
/// other work on the machine lasts longer than a turn.
fn rows(size: usize, turns: &[Turn]) -> Vec<Row> {
    let of = |plugin: bool, value: fn(&Turn) -> f64| -> Vec<f64> {
        let of = turns.iter();
        let of = of.filter(|turn| turn.size == size && turn.plugin == plugin);
        of.map(value).collect()
    };
    let row =
        |what: &str, value: fn(&Turn) -> f64, say: fn(f64) -> String, more_is_better, goal| {
            let (native, plugin) = (of(false, value), of(true, value));
            let rounds = native.iter().zip(&plugin);
            let ratios = rounds.map(|(native, plugin)| match more_is_better {
                true => plugin / native,
                false => native / plugin,
            });
            Row {
                what: format!("real guest, {size} B: {what}"),
                figure: median(ratios.collect()),
                base: format!("native {}", say(median(native))),
                measured: format!("plugin {}", say(median(plugin))),
                unit: "",
                goal,
            }
        };
    vec![
        row("throughput", |t| t.bytes_per_s, mib_per_s, true, GOAL),
        row("round trip, p50", |t| t.p50_ns, time, false, GOAL),
        row("round trip, p99", |t| t.p99_ns, time, false, Goal::None),
        row(
            "host's processor time",
            |t| t.host_share,
            percent,
            true,
            Goal::None,
        ),
    ]
}

fn mib_per_s(bytes_per_s: f64) -> String {
    format!("{:.1} MiB/s", bytes_per_s / f64::from(1 << 20))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
