//! What the agent plugin adds to a command: eight clients at once through it,
//! beside one client through a plugin that passes bytes on unread. The guest's end
//! is a stand-in that answers at once: the real agent takes far longer than either.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use portunus_plugin::{Component, Engine};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::task::yield_now;

use super::report::{Goal, Row, time};
use super::rig::{Rig, RigSpec, built, recipe, runtime};
use super::rounds::{Scale, Times};

/// What the plugin may add to one command, in µs.
const GOAL: Goal = Goal::AtMost(100.0);

/// Clients of the agent plugin.
const CLIENTS: usize = 8;

/// Linux's queue; a command fits a page.
const SPEC: RigSpec = RigSpec {
    queue_size: 256,
    message_bytes: 4096,
};

const PING: &[u8] = b"{\"execute\": \"guest-ping\", \"id\": 7}\n";

/// Each command is asked, answered and read before its client's next.
///
/// # Errors
///
/// What could not be started.
pub fn pings(scale: Scale, engine: &Engine) -> Result<Vec<Row>, Box<dyn Error>> {
    let commands = scale.round_trips * 5;
    let passing = Component::load(engine, &built("tests/passing")?, "passing")?;
    let agent = Component::load(engine, &built("agent")?, "agent")?;
    let (mut passed, mut shared) = (Times::default(), Times::default());
    runtime()?.block_on(async {
        let mut one = Machine::start(passing, 1).await?;
        let mut many = Machine::start(agent, CLIENTS).await?;
        for _ in 0..scale.rounds.div_ceil(10) {
            passed.push(one.pings(commands).await?);
            shared.push(many.pings(commands).await?);
        }
        one.rig.stop().await;
        many.rig.stop().await;
        Ok::<_, Box<dyn Error>>(())
    })?;
    let (passed, shared) = (passed.median_ns(), shared.median_ns());
    Ok(vec![Row {
        what: format!("guest-ping, {CLIENTS} clients: more a command"),
        base: format!("passed on {}", time(passed)),
        measured: format!("agent {}", time(shared)),
        figure: (shared - passed) / 1e3,
        unit: " µs",
        goal: GOAL,
    }])
}

fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// A port with a stand-in for the guest's agent, and clients.
struct Machine {
    rig: Rig,
    clients: Vec<UnixStream>,
    unread: Vec<u8>,
    _folder: TempDir,
}

impl Machine {
    async fn start(component: Component, clients: usize) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("port.sock");
        let socket = UnixListener::bind(&path)?;
        let rig = Rig::start_with(recipe(component), SPEC, Some(socket)).await?;
        let clients = (0..clients)
            .map(|_| {
                let client = UnixStream::connect(&path)?;
                client.set_nonblocking(true)?;
                Ok(client)
            })
            .collect::<std::io::Result<_>>()?;
        let mut machine = Self {
            rig,
            clients,
            unread: Vec::new(),
            _folder: folder,
        };
        // Connected, synced, and asked what it is.
        machine.pings(CLIENTS * 2).await?;
        Ok(machine)
    }

    /// So many pings by all clients, and the time of this thread that one took:
    /// port, plugin, guest and clients take turns in it, and nothing else does.
    async fn pings(&mut self, commands: usize) -> Result<Duration, Box<dyn Error>> {
        let mut buffer = [0; 4096];
        let mut waiting = vec![false; self.clients.len()];
        let (mut asked, mut answered) = (0, 0);
        let start = cpu_time();
        while answered < commands {
            for (client, waits) in self.clients.iter_mut().zip(&mut waiting) {
                if *waits {
                    let heard = match client.read(&mut buffer) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                        read => read?,
                    };
                    *waits = heard == 0;
                    answered += usize::from(heard > 0);
                }
                if !*waits && asked < commands {
                    client.write_all(PING)?;
                    *waits = true;
                    asked += 1;
                }
            }
            yield_now().await;
            self.answer()?;
            yield_now().await;
        }
        Ok(cpu_time().saturating_sub(start) / u32::try_from(commands)?)
    }

    /// The agent: answers each command that has come, under its number.
    fn answer(&mut self) -> Result<(), Box<dyn Error>> {
        self.unread.extend(self.rig.read()?);
        let Some(end) = self.unread.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(());
        };
        let whole: Vec<u8> = self.unread.drain(..=end).collect();
        let mut answers = Vec::new();
        for line in String::from_utf8_lossy(&whole).lines() {
            let number = line.rsplit("\"id\":").next().unwrap_or_default();
            let number: u64 = number.trim_matches([' ', '}']).parse()?;
            let answer = match line {
                sync if sync.contains("guest-sync-delimited") => {
                    answers.push(0xff);
                    format!("{{\"return\": {number}, \"id\": {number}}}\n")
                }
                _ => format!("{{\"return\": {{}}, \"id\": {number}}}\n"),
            };
            answers.extend(answer.into_bytes());
        }
        self.rig.write(&answers)
    }
}
