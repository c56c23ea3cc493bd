//! From a component to the first byte answered.

use std::error::Error;
use std::time::Instant;

use portunus_plugin::{CodeCache, Compiler, Component, Engine, LoadError, Loader};

use super::report::{Goal, Row, time};
use super::rig::{Rig, RigSpec, echo_bytes, recipe, runtime};
use super::rounds::{Scale, Times};

/// With a plugin that was compiled before, in ms.
const GOAL: Goal = Goal::AtMost(5.0);

/// Rings that hold a first byte.
const SPEC: RigSpec = RigSpec {
    queue_size: 16,
    message_bytes: 64,
};

/// With a plugin that is compiled for it, with one whose code is in a cache,
/// and with one that is in memory.
///
/// # Errors
///
/// What could not be started.
pub fn rows(scale: Scale, engine: &Engine) -> Result<Vec<Row>, Box<dyn Error>> {
    let bytes = echo_bytes()?;
    let compile = || Component::load(engine, &bytes, "echo");
    let compiled = compile()?;
    let folder = tempfile::tempdir()?;
    let cache = CodeCache::open(folder.path())?;
    let cached = Loader::new(engine.clone(), Compiler::InProcess, Some(cache));
    cached.load(&bytes, "echo")?;
    Ok(vec![
        row("plugin to be compiled", scale, Goal::None, compile)?,
        row("cached plugin", scale, GOAL, || cached.load(&bytes, "echo"))?,
        row("compiled plugin", scale, GOAL, || Ok(compiled.clone()))?,
    ])
}

/// From before the component is loaded to the first byte answered, on a port
/// and with an instance of its own.
fn row(
    plugin: &str,
    scale: Scale,
    goal: Goal,
    load: impl Fn() -> Result<Component, LoadError>,
) -> Result<Row, Box<dyn Error>> {
    let (mut loads, mut answers) = (Times::default(), Times::default());
    runtime()?.block_on(async {
        for _ in 0..scale.rounds.div_ceil(20) {
            let start = Instant::now();
            let component = load()?;
            loads.push(start.elapsed());
            let mut rig = Rig::start(recipe(component), SPEC).await?;
            rig.echo(b"x").await?;
            answers.push(start.elapsed());
            rig.stop().await;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    let answer = answers.median_ns();
    Ok(Row {
        what: format!("{plugin}: start to first byte answered"),
        base: format!("to load it {}", time(loads.median_ns())),
        measured: time(answer),
        figure: answer / 1e6,
        unit: " ms",
        goal,
    })
}
