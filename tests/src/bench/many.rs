//! Many ports at once, each with a plugin of its own: what a message costs must
//! not depend on how many there are.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use portunus::session::HandlerRecipe;
use portunus_plugin::Engine;

use super::native::Native;
use super::report::{Goal, Row, time};
use super::rig::{Rig, RigSpec, echo_recipe, runtime};
use super::rounds::{Scale, Times};

/// What a message may cost, of what it costs with one port.
const GOAL: Goal = Goal::AtMost(1.2);

/// How many ports are compared with one: a device's default, and a host's.
const COUNTS: [usize; 2] = [31, 1_000];

/// Every port's queue: full in each turn.
const SPEC: RigSpec = RigSpec {
    queue_size: 16,
    message_bytes: 4 << 10,
};

/// Ports beside one port, by the session's own time for a message.
///
/// # Errors
///
/// What could not be started.
pub fn ports(scale: Scale, engine: &Engine) -> Result<Vec<Row>, Box<dyn Error>> {
    let plugin = echo_recipe(engine)?;
    let mut rows = Vec::new();
    for count in COUNTS.map(|count| count.min(scale.ports)) {
        rows.push(compare("plugin", GOAL, scale, &plugin, count)?);
        rows.push(compare("native", Goal::None, scale, &Native::Echo, count)?);
        rows.push(memory_alone(scale, count));
    }
    Ok(rows)
}

fn compare<R: HandlerRecipe + Clone>(
    handler: &str,
    goal: Goal,
    scale: Scale,
    recipe: &R,
    count: usize,
) -> Result<Row, Box<dyn Error>> {
    let data = vec![0x5a; usize::from(SPEC.queue_size) * SPEC.message_bytes];
    let (mut one, mut many) = (Times::default(), Times::default());
    runtime()?.block_on(async {
        let mut single = Rig::start(recipe.clone(), SPEC).await?;
        let mut rigs = Vec::new();
        for _ in 0..count {
            rigs.push(Rig::start(recipe.clone(), SPEC).await?);
        }
        let per_message = u32::from(SPEC.queue_size) * u32::try_from(count)?;
        for _ in 0..scale.rounds.div_ceil(10) {
            single.take_spent();
            for _ in 0..count {
                single.echo(&data).await?;
            }
            one.push(single.take_spent() / per_message);
            many.push(turn(&mut rigs, &data).await? / per_message);
        }
        for rig in rigs {
            rig.stop().await;
        }
        single.stop().await;
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok(row(&format!("{count} {handler} ports"), goal, &one, &many))
}

/// All guests write, then all sessions run, then all guests read.
async fn turn(rigs: &mut [Rig], data: &[u8]) -> Result<Duration, Box<dyn Error>> {
    for rig in &mut *rigs {
        rig.take_spent();
        rig.write(data)?;
    }
    let mut spent = Duration::ZERO;
    for rig in rigs {
        let mut received = rig.read()?.len();
        while received < data.len() {
            tokio::task::yield_now().await;
            received += rig.read()?.len();
        }
        spent += rig.take_spent();
    }
    Ok(spent)
}

/// What the same bytes cost that are only copied, between one pair of buffers
/// and between as many as there are ports: the part of the cost that is the
/// processor's caches, which hold what one port touches and not what all do.
fn memory_alone(scale: Scale, count: usize) -> Row {
    let bytes = usize::from(SPEC.queue_size) * SPEC.message_bytes;
    let mut pairs = vec![(vec![0x5a_u8; bytes], vec![0x5a_u8; bytes]); count];
    let (mut one, mut many) = (Times::default(), Times::default());
    let messages = u32::from(SPEC.queue_size) * u32::try_from(count).unwrap_or(u32::MAX);
    for _ in 0..scale.rounds.div_ceil(10) {
        if let Some((from, to)) = pairs.first_mut() {
            let start = Instant::now();
            for _ in 0..count {
                to.copy_from_slice(black_box(from));
                black_box(&mut *to);
            }
            one.push(start.elapsed() / messages);
        }
        let start = Instant::now();
        for (from, to) in &mut pairs {
            to.copy_from_slice(black_box(from));
        }
        black_box(&mut pairs);
        many.push(start.elapsed() / messages);
    }
    row(&format!("{count} buffers, memcpy"), Goal::None, &one, &many)
}

fn row(what: &str, goal: Goal, one: &Times, many: &Times) -> Row {
    let (one, many) = (one.median_ns(), many.median_ns());
    Row {
        what: format!("{what}, 4096 B: cost of a message"),
        base: format!("1 {}", time(one)),
        measured: format!("all {}", time(many)),
        figure: many / one,
        unit: "",
        goal,
    }
}
