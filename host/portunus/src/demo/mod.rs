//! `portunus demo`: a real Linux guest whose ports are answered by the bundled
//! plugins, in one process, and proof that they were.
//!
//! The way is that of `portunus run` where this host has KVM, and of `portunus
//! serve` where it has not: a configuration file, the device, and a guest with it,
//! in a machine of our own or at a vhost-user socket. The host draws a random
//! word; the guest's console, the echo plugin's reply and the log plugin's file
//! must each show it.
//!
//! Owns what is shown and what is checked. Leaves the guest to [`crate::guest`]
//! and where the steps are printed to the caller.
//!
//! - `choice`: which guest, and why; `stage`: that guest and its device.
//! - `story`: the guest's part, with the script that it runs.
//! - `evidence` and `word`: what must be seen, and where.
//! - `place`: the files on the host.
//! - `step`: what is told.

mod choice;
mod evidence;
mod place;
mod stage;
mod step;
mod story;
mod word;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portunus_vmm::BuildError;
use tokio::sync::oneshot;

pub use choice::Choice;
pub use evidence::Missing;
pub use place::PlaceFault;
pub use step::Step;
pub use word::Word;

use self::evidence::Evidence;
use self::place::Place;
use self::stage::{Files, Stage};
use self::story::Story;
use crate::door::serve::ServeFault;
use crate::guest::{BootError, GuestError, MachineGuestError, RootError, default_folder};
use crate::plugins::Plugins;
use crate::stop_signals::{StopSignal, StopSignals};

/// What is served, and shown.
const CONFIG: &str = include_str!("demo.toml");

/// How long plugins may take at the end. The log plugin has one line to write.
const GRACE: Duration = Duration::from_secs(5);

/// A guest whose host died ends by itself this long after the time it had.
const ORPHAN: Duration = Duration::from_secs(10);

/// What the user asks for.
#[derive(Clone, Debug)]
pub struct DemoSpec {
    /// Where the configuration and the log file are left. All is deleted where
    /// this is not said.
    pub keep: Option<PathBuf>,
    /// How long the guest may take, from its boot to its end.
    pub within: Duration,
}

/// Who hears of each step, from whichever thread.
pub type Tell = Arc<dyn Fn(Step) + Send + Sync>;

/// Why the demonstration did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoFault {
    /// There is no place for the files.
    #[error(transparent)]
    Place(#[from] PlaceFault),
    /// There is no guest to be started.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The machine has no guest to boot.
    #[error(transparent)]
    MachineGuest(#[from] MachineGuestError),
    /// There is no machine.
    #[error(transparent)]
    Machine(#[from] BuildError),
    /// The device is not there.
    #[error(transparent)]
    Serve(#[from] ServeFault),
    /// The guest could not be started.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The guest did not do its part.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The guest did not do its part in time.
    #[error("{0}\nA slow machine needs more time: --within 5m")]
    Late(GuestError),
    /// The guest's script failed.
    #[error("the guest's script ended with status {0}; see what plugins say with -v")]
    Script(i32),
    /// The word of the run was not everywhere.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A signal came first.
    #[error("stopped by {0}")]
    Stopped(StopSignal),
    /// The system gives no threads, or no signals.
    #[error("cannot run: {0}")]
    System(#[from] io::Error),
}

/// Shows the demonstration, step by step. When this returns, nothing of the
/// guest is left, nor of the device.
///
/// # Errors
///
/// [`DemoFault`]: what failed or was not seen.
pub fn run(spec: &DemoSpec, plugins: Plugins, tell: &Tell) -> Result<(), DemoFault> {
    let runtime = tokio::runtime::Runtime::new()?;
    let shown = runtime.block_on(async {
        let mut stop = StopSignals::new()?;
        show(spec, plugins, tell, &mut stop).await
    });
    // Nothing that hangs in the system is waited for.
    runtime.shutdown_background();
    shown
}

async fn show(
    spec: &DemoSpec,
    plugins: Plugins,
    tell: &Tell,
    stop: &mut StopSignals,
) -> Result<(), DemoFault> {
    let began = Instant::now();
    let place = Place::new(spec.keep.as_deref(), CONFIG)?;
    let files = prepare(&place, tell, stop).await?;
    tell(Step::Configuration(CONFIG));
    let stage = Stage::set(&files, &place, plugins).await?;
    if let Stage::Served(_) = &stage {
        tell(Step::Serving(place.socket()));
    }
    let word = Word::draw();
    let seen = run_guest(&place, &files, &stage, &word, spec.within, tell, stop).await;
    // Then every line is on the disk.
    stage.stop(GRACE).await;
    let evidence = Evidence {
        log: place::read_log(&place.log())?,
        ..seen?
    };
    if let Some(line) = evidence.logged(&word) {
        tell(Step::Logged(line.to_owned()));
    }
    if let Some(folder) = &spec.keep {
        tell(Step::Kept(folder.clone()));
    }
    evidence.check(&word)?;
    tell(Step::Done(began.elapsed()));
    Ok(())
}

/// Chooses a guest, and makes its files, or finds them.
async fn prepare(place: &Place, tell: &Tell, stop: &mut StopSignals) -> Result<Files, DemoFault> {
    let (packages, own) = (default_folder()?, place.machine());
    let (send, files) = oneshot::channel();
    let tell = Arc::clone(tell);
    // A thread of its own, since the runtime waits for those that it gives: a
    // download is not waited for when a signal comes.
    std::thread::spawn(move || {
        let choice = Choice::of_this_host();
        tell(Step::Guest(choice.clone(), packages.clone()));
        let files = Files::prepare(&choice, &packages, &own, &tell);
        // Nobody wants it any more where a signal came.
        let _ = send.send(files);
    });
    tokio::select! {
        files = files => files.map_err(io::Error::other)?,
        signal = stop.next() => Err(DemoFault::Stopped(signal)),
    }
}

/// Boots the guest and listens to it. When this returns, nothing of it is left.
async fn run_guest(
    place: &Place,
    files: &Files,
    stage: &Stage,
    word: &Word,
    within: Duration,
    tell: &Tell,
    stop: &mut StopSignals,
) -> Result<Evidence, DemoFault> {
    tell(Step::Booting);
    let (guest, killer) = stage.boot(files, place, within)?;
    let (word, tell, log) = (word.clone(), Arc::clone(tell), place.log());
    let mut story = tokio::task::spawn_blocking(move || {
        let is_logged = || place::read_log(&log).is_ok_and(|log| log.contains(word.as_str()));
        Story::new(guest, within, &*tell).follow(&word, is_logged)
    });
    tokio::select! {
        seen = &mut story => seen.map_err(io::Error::other)?,
        signal = stop.next() => {
            killer.kill();
            // It hears of the guest's end, and deletes its folder.
            drop(story.await);
            Err(DemoFault::Stopped(signal))
        }
    }
}
