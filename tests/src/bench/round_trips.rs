//! One message at a time: written, kicked, echoed and read before the next.

use std::error::Error;
use std::time::Instant;

use portunus_plugin::Engine;

use super::report::{Goal, Row, time};
use super::rig::RigSpec;
use super::rounds::{self, Scale};

/// Message sizes, in bytes.
const SIZES: [usize; 3] = [64, 4 << 10, 32 << 10];

/// What a plugin may add to one message, in µs.
const GOAL: Goal = Goal::AtMost(3.0);

/// The echo plugin beside a native echo. The whole round trip is timed, with
/// the guest's part, kicks and the runtime's system calls.
///
/// # Errors
///
/// What could not be started.
pub fn echoes(scale: Scale, engine: &Engine) -> Result<Vec<Row>, Box<dyn Error>> {
    SIZES
        .iter()
        .map(|message_bytes| compare(scale, engine, *message_bytes))
        .collect()
}

fn compare(scale: Scale, engine: &Engine, message_bytes: usize) -> Result<Row, Box<dyn Error>> {
    let spec = RigSpec {
        queue_size: 256,
        message_bytes,
    };
    let data = vec![0x5a; message_bytes];
    let (native, plugin) = rounds::echoes(scale, engine, spec, async |rig| {
        let start = Instant::now();
        for _ in 0..scale.round_trips {
            rig.echo(&data).await?;
        }
        Ok(start.elapsed() / u32::try_from(scale.round_trips)?)
    })?;
    Ok(Row {
        what: format!("echo, one at a time, {message_bytes} B: more a message"),
        base: format!("native {}", time(native)),
        measured: format!("plugin {}", time(plugin)),
        figure: (plugin - native) / 1e3,
        unit: " µs",
        goal: GOAL,
    })
}
