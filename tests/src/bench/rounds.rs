//! Two things in turns, and what stands in the middle of what was measured.

use std::error::Error;
use std::time::Duration;

use portunus_plugin::Engine;

use super::native::Native;
use super::rig::{Rig, RigSpec, echo_recipe, runtime};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Turns of each thing in a comparison.
    pub rounds: usize,
    /// Bytes in one turn of a stream, and a bound on a round trip's count.
    pub round_bytes: usize,
    /// Round trips in one turn.
    pub round_trips: usize,
    /// The most ports at once.
    pub ports: usize,
    /// How long idle ports are watched.
    pub quiet: Duration,
    /// Turns of each thing with an image.
    pub image_rounds: usize,
    /// Bytes of the image.
    pub image_bytes: usize,
    /// Turns of each thing in a real guest.
    pub guest_rounds: usize,
    /// The most bytes that a real guest streams in one turn.
    pub guest_bytes: usize,
    /// Round trips of a real guest in one turn.
    pub guest_round_trips: usize,
}

impl Scale {
    /// What `make bench` does.
    pub const FULL: Self = Self {
        rounds: 301,
        round_bytes: 1 << 20,
        round_trips: 200,
        ports: 1_000,
        quiet: Duration::from_secs(60),
        image_rounds: 15,
        image_bytes: 16 << 20,
        guest_rounds: 9,
        guest_bytes: 64 << 20,
        guest_round_trips: 2_000,
    };

    /// What shows that it works.
    pub const SMOKE: Self = Self {
        rounds: 3,
        round_bytes: 64 << 10,
        round_trips: 2,
        ports: 3,
        quiet: Duration::from_millis(100),
        image_rounds: 1,
        image_bytes: 200_000,
        guest_rounds: 1,
        guest_bytes: 1 << 16,
        guest_round_trips: 10,
    };
}

/// A native echo and the echo plugin in turns: the medians of what `turn` says
/// of its time, in nanoseconds.
///
/// # Errors
///
/// What could not be started, or what a turn could not do.
pub fn echoes(
    scale: Scale,
    engine: &Engine,
    spec: RigSpec,
    turn: impl AsyncFn(&mut Rig) -> Result<Duration, Box<dyn Error>>,
) -> Result<(f64, f64), Box<dyn Error>> {
    let (mut native, mut plugin) = (Times::default(), Times::default());
    runtime()?.block_on(async {
        let mut ours = Rig::start(Native::Echo, spec).await?;
        let mut theirs = Rig::start(echo_recipe(engine)?, spec).await?;
        for _ in 0..scale.rounds {
            native.push(turn(&mut ours).await?);
            plugin.push(turn(&mut theirs).await?);
        }
        ours.stop().await;
        theirs.stop().await;
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok((native.median_ns(), plugin.median_ns()))
}

/// Times of one thing, a turn each.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds a turn's.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The one in the middle, in nanoseconds: work of others on the machine
    /// makes some turns longer, and does not move it.
    pub fn median_ns(&self) -> f64 {
        let nanoseconds = self.0.iter().map(|time| time.as_secs_f64() * 1e9);
        median(nanoseconds.collect())
    }
}

/// The one in the middle; 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
