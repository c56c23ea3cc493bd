//! One port with its session, and a fake guest that writes and reads in the
//! same thread. The session's own time is counted apart from the guest's: each
//! poll of its task is timed, and nothing else.

use std::error::Error;
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{PipeWriter, Write, pipe};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use portunus::control::Control;
use portunus::kick::{Bell, Kick};
use portunus::session::port::KickedRing;
use portunus::session::{
    Channels, HandlerRecipe, Listen, Order, Port, PortLimits, Recipe, RestartPolicy, Session,
};
use portunus_device::fake_driver::{
    Backing, DriverRing, GuestRam, InterruptCounter, PAGE_BYTES, ReceiveDriver, TransmitDriver,
};
use portunus_device::layout::{MaxPorts, PortId};
use portunus_plugin::{Component, Engine, Grants, Limits, PortInfo};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::guest::project;

/// The rings of a rig.
#[derive(Debug, Clone, Copy)]
pub struct RigSpec {
    /// Chains in either queue: a power of two. Linux's have 256.
    pub queue_size: u16,
    /// Bytes in one chain of the transmit queue. Linux sends 32 KiB at most.
    pub message_bytes: usize,
}

/// A port that is open in the fake guest.
pub struct Rig {
    transmit: TransmitDriver,
    receive: ReceiveDriver,
    transmit_kick: PipeWriter,
    receive_kick: PipeWriter,
    spent_ns: Arc<AtomicU64>,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

/// A runtime of this thread alone: guest and session take turns in it.
pub fn runtime() -> Result<Runtime, Box<dyn Error>> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// The bundled echo plugin, as its build made it.
///
/// # Errors
///
/// Where it is not built.
pub fn echo_bytes() -> Result<Vec<u8>, Box<dyn Error>> {
    let path = project().join("target/plugins/echo.wasm");
    Ok(std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// The component of a plugin that is named as `plugins/build.sh` wants it, which
/// builds it where that is due.
///
/// # Errors
///
/// What the build says.
pub fn built(plugin: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let build = Command::new(project().join("plugins/build.sh"))
        .arg(plugin)
        .current_dir(project())
        .output()?;
    if !build.status.success() {
        return Err(String::from_utf8_lossy(&build.stderr).into());
    }
    let path = String::from_utf8(build.stdout)?;
    Ok(std::fs::read(path.trim_end())?)
}

/// What makes echo plugins.
///
/// # Errors
///
/// Where the plugin is not built or cannot run.
pub fn echo_recipe(engine: &Engine) -> Result<Recipe, Box<dyn Error>> {
    Ok(recipe(Component::load(engine, &echo_bytes()?, "echo")?))
}

/// What makes plugins of this component, under the default limits.
pub fn recipe(component: Component) -> Recipe {
    Recipe {
        component,
        limits: Limits::default(),
        grants: Grants::default(),
        info: PortInfo {
            vm: "bench".into(),
            name: "org.portunus.bench.0".into(),
            id: 1,
            console: false,
            lossy: false,
        },
        config: "{}".into(),
    }
}

impl Rig {
    /// Starts a session whose handler the recipe makes, gives it rings, and
    /// opens the port. Must be called within [`runtime`].
    ///
    /// # Errors
    ///
    /// What could not be started.
    pub async fn start<R: HandlerRecipe>(recipe: R, spec: RigSpec) -> Result<Self, Box<dyn Error>> {
        Self::start_with(recipe, spec, None).await
    }

    /// The same with a socket, if there is one, whose clients are channels.
    ///
    /// # Errors
    ///
    /// What could not be started.
    pub async fn start_with<R: HandlerRecipe>(
        recipe: R,
        spec: RigSpec,
        socket: Option<UnixListener>,
    ) -> Result<Self, Box<dyn Error>> {
        let control = Arc::new(Control::new(MaxPorts::default()));
        let id = PortId::new(1).ok_or("no such port")?;
        let port = Arc::new(Port::new(id, "bench".into(), false, PortLimits::DEFAULT));

        let RigSpec {
            queue_size,
            message_bytes,
        } = spec;
        let message_bytes = u32::try_from(message_bytes)?;
        let ring_bytes = 64 * usize::from(queue_size) + 4096;
        let buffer_bytes = usize::from(queue_size) * usize::try_from(message_bytes + PAGE_BYTES)?;
        let bytes = (2 * ring_bytes + buffer_bytes).next_multiple_of(4096);
        let mut ram = GuestRam::new(bytes, Backing::Anonymous)?;
        let mut transmit = TransmitDriver::new(&mut ram, queue_size, true, message_bytes)?;
        let mut receive = ReceiveDriver::new(&mut ram, queue_size, true, PAGE_BYTES)?;
        receive.fill()?;
        let (ring, transmit_kick) = activate(transmit.ring())?;
        port.attach_transmit(ring);
        let (ring, receive_kick) = activate(receive.ring())?;
        port.attach_receive(ring);
        port.guest_opened();

        let (orders, inbox) = mpsc::channel(1);
        let channels = match socket {
            Some(socket) => Channels::new(listen(socket), Arc::clone(&port.counters)),
            None => Channels::default(),
        };
        let session = Session::start(
            Arc::clone(&port),
            control,
            recipe,
            channels,
            RestartPolicy::default(),
            Arc::default(),
        )
        .await?;
        let spent_ns = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(timed(Arc::clone(&spent_ns), session.run(inbox)));
        while !port.told_open() {
            tokio::task::yield_now().await;
        }
        Ok(Self {
            transmit,
            receive,
            transmit_kick,
            receive_kick,
            spent_ns,
            orders,
            task,
        })
    }

    /// The guest writes, and kicks if it is asked to. All must fit its queue.
    ///
    /// # Errors
    ///
    /// What the fake guest could not do.
    pub fn write(&mut self, data: &[u8]) -> Result<(), Box<dyn Error>> {
        let written = self.transmit.write(data)?;
        if written != data.len() {
            return Err(format!("{written} bytes of {} found room", data.len()).into());
        }
        if self.transmit.ring().wants_kick()? {
            kick(&mut self.transmit_kick)?;
        }
        Ok(())
    }

    /// Whether all that the guest wrote has been taken.
    ///
    /// # Errors
    ///
    /// What the fake guest could not do.
    pub fn is_drained(&mut self) -> Result<bool, Box<dyn Error>> {
        Ok(self.transmit.is_drained()?)
    }

    /// The guest reads what came, and kicks if it is asked to.
    ///
    /// # Errors
    ///
    /// What the fake guest could not do.
    pub fn read(&mut self) -> Result<Vec<u8>, Box<dyn Error>> {
        let bytes = self.receive.read()?;
        if self.receive.ring().wants_kick()? {
            kick(&mut self.receive_kick)?;
        }
        Ok(bytes)
    }

    /// Writes and waits until as many bytes have come back.
    ///
    /// # Errors
    ///
    /// What the fake guest could not do.
    pub async fn echo(&mut self, data: &[u8]) -> Result<(), Box<dyn Error>> {
        self.write(data)?;
        let mut received = 0;
        while received < data.len() {
            tokio::task::yield_now().await;
            received += self.read()?.len();
        }
        Ok(())
    }

    /// Writes and waits until all has been taken.
    ///
    /// # Errors
    ///
    /// What the fake guest could not do.
    pub async fn sink(&mut self, data: &[u8]) -> Result<(), Box<dyn Error>> {
        self.write(data)?;
        while !self.transmit.is_drained()? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// The session's own time since the last call.
    pub fn take_spent(&self) -> Duration {
        Duration::from_nanos(self.spent_ns.swap(0, Relaxed))
    }

    /// Stops the session.
    pub async fn stop(self) {
        let grace = Duration::from_secs(1);
        if self.orders.send(Order::Stop { grace }).await.is_ok() {
            drop(self.task.await);
        }
    }
}

/// As a configuration has it that says no more than where.
fn listen(socket: UnixListener) -> Listen {
    Listen {
        socket,
        clients: 16,
        buffer_bytes: 64 << 10,
    }
}

fn activate(ring: &mut DriverRing) -> Result<(KickedRing, PipeWriter), Box<dyn Error>> {
    let (reader, writer) = pipe()?;
    let interrupt = Arc::new(InterruptCounter::default());
    let ring = KickedRing {
        ring: ring.spec().activate(ring.memory(), interrupt)?,
        kick: Kick::new(File::from(OwnedFd::from(reader)))?,
        error: Arc::new(Bell::default()),
    };
    Ok((ring, writer))
}

fn kick(writer: &mut PipeWriter) -> std::io::Result<()> {
    writer.write_all(&1_u64.to_ne_bytes())
}

/// Adds up the time that a future's polls take.
async fn timed<F: Future>(spent_ns: Arc<AtomicU64>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let start = Instant::now();
        let polled = future.as_mut().poll(context);
        let spent = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        spent_ns.fetch_add(spent, Relaxed);
        polled
    })
    .await
}
