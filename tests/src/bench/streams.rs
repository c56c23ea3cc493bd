//! Streams with the queue kept full: the session's own time for what the guest
//! has queued, by chain size.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use portunus_plugin::Engine;

use super::native::Native;
use super::report::{Goal, Row, time};
use super::rig::{Rig, RigSpec, runtime};
use super::rounds::{self, Scale, Times};

/// Linux's queue, in chains.
const QUEUE_SIZE: u16 = 256;

/// What the null handler is measured with.
const NULL_MESSAGE_BYTES: usize = 32 << 10;

/// What a session moves at once.
const PIECE_BYTES: usize = 64 << 10;

/// Message sizes in bytes, and what an echo plugin should reach of a native
/// echo's throughput; or, of small ones, what it may add to each in µs.
const ECHOES: [(usize, Goal); 3] = [
    (64, Goal::AtMost(1.0)),
    (4 << 10, Goal::AtLeast(0.6)),
    (32 << 10, Goal::AtLeast(0.75)),
];

/// Pulling and dropping, beside memcpy of the same bytes.
///
/// # Errors
///
/// What could not be started.
pub fn null(scale: Scale) -> Result<Row, Box<dyn Error>> {
    let spec = spec(NULL_MESSAGE_BYTES);
    let data = data(scale, spec);
    let (mut copies, mut pulls) = (Times::default(), Times::default());
    runtime()?.block_on(async {
        let mut rig = Rig::start(Native::Null, spec).await?;
        let mut source = vec![0; data.len()];
        let mut piece = vec![0; PIECE_BYTES];
        for _ in 0..scale.rounds {
            // As the guest writes into its buffers before it queues them.
            source.copy_from_slice(&data);
            let start = Instant::now();
            for from in source.chunks(PIECE_BYTES) {
                piece.copy_from_slice(black_box(from));
                black_box(&mut piece);
            }
            copies.push(start.elapsed());
            rig.take_spent();
            rig.sink(&data).await?;
            pulls.push(rig.take_spent());
        }
        rig.stop().await;
        Ok::<_, Box<dyn Error>>(())
    })?;
    let (copy, pull) = (copies.median_ns(), pulls.median_ns());
    Ok(Row {
        what: "null handler, queue full, 32768 B: of memcpy".into(),
        base: per_message("memcpy", copy, &data, spec),
        measured: per_message("null", pull, &data, spec),
        figure: copy / pull,
        unit: "",
        goal: Goal::AtLeast(0.5),
    })
}

/// The echo plugin beside a native echo.
///
/// # Errors
///
/// What could not be started.
pub fn echoes(scale: Scale, engine: &Engine) -> Result<Vec<Row>, Box<dyn Error>> {
    ECHOES
        .iter()
        .map(|(message_bytes, goal)| compare(scale, engine, spec(*message_bytes), *goal))
        .collect()
}

fn compare(
    scale: Scale,
    engine: &Engine,
    spec: RigSpec,
    goal: Goal,
) -> Result<Row, Box<dyn Error>> {
    let data = data(scale, spec);
    let (native, plugin) = rounds::echoes(scale, engine, spec, async |rig| {
        rig.take_spent();
        rig.echo(&data).await?;
        Ok(rig.take_spent())
    })?;
    let (word, figure, unit) = match goal {
        Goal::AtMost(_) => {
            let more_ns = (plugin - native) / messages(&data, spec);
            ("more a message", more_ns / 1e3, " µs")
        }
        _ => ("throughput", native / plugin, ""),
    };
    Ok(Row {
        what: format!("echo, queue full, {} B: {word}", spec.message_bytes),
        base: per_message("native", native, &data, spec),
        measured: per_message("plugin", plugin, &data, spec),
        figure,
        unit,
        goal,
    })
}

fn spec(message_bytes: usize) -> RigSpec {
    RigSpec {
        queue_size: QUEUE_SIZE,
        message_bytes,
    }
}

/// A full queue, or as much of it as the receive queue's pages hold.
fn data(scale: Scale, spec: RigSpec) -> Vec<u8> {
    let queue_bytes = usize::from(spec.queue_size) * spec.message_bytes;
    vec![0x5a; scale.round_bytes.min(queue_bytes)]
}

fn per_message(whose: &str, turn_ns: f64, data: &[u8], spec: RigSpec) -> String {
    format!("{whose} {}", time(turn_ns / messages(data, spec)))
}

fn messages(data: &[u8], spec: RigSpec) -> f64 {
    let messages = data.len() / spec.message_bytes;
    u32::try_from(messages).unwrap_or(u32::MAX).into()
}
