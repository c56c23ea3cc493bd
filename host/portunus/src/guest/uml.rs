//! One guest: a User Mode Linux kernel, which is a process of this machine with
//! children of its own. Nothing of it outlives the [`Guest`].

use std::io::{self, PipeReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::folder::{DEVICE, KERNEL_FILES, ROOT, RunFolder, RunFolderError};
use super::life::{GuestError, Life, State};
use super::memory_folder::{self, NoMemoryFolder};
use super::root::GuestRoot;

/// Enough for Python and a few megabytes in flight.
const MEMORY_MIB: u64 = 128;

/// A guest whose host died ends after this time by itself.
const LIFE: Duration = Duration::from_secs(600);

/// The virtio device type of a console (VIRTIO 1.2, section 5).
const VIRTIO_CONSOLE: u32 = 3;

/// A guest to be started.
#[derive(Debug, Clone)]
pub struct UmlSpec<'root> {
    /// Its kernel and its files.
    pub root: &'root GuestRoot,
    /// Its memory in MiB: 128 unless said otherwise. A kernel needs 32 at least.
    pub memory_mib: u64,
    /// How long it may live, whatever happens to its host: ten minutes unless
    /// said otherwise.
    pub life: Duration,
    /// The vhost-user socket of its virtio-serial device, if it has one. It must
    /// be there already.
    pub device: Option<PathBuf>,
    /// Programs that it finds in `/exchange`, by name. It runs the one named
    /// `run`, with `/exchange` as working folder, and powers off.
    pub programs: Vec<(String, Vec<u8>)>,
}

/// Why a guest did not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// Its folder could not be made.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// Its memory finds no room.
    #[error(transparent)]
    Memory(#[from] NoMemoryFolder),
    /// Its kernel could not be started.
    #[error(
        "{kernel} could not be started: {cause}: delete the guest's folder to have it made anew"
    )]
    Kernel {
        /// The program.
        kernel: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl<'root> UmlSpec<'root> {
    /// A guest over `root` that runs `script`, a shell script or any program.
    pub fn new(root: &'root GuestRoot, script: &[u8]) -> Self {
        let programs = vec![("run".to_owned(), script.to_vec())];
        Self {
            root,
            memory_mib: MEMORY_MIB,
            life: LIFE,
            device: None,
            programs,
        }
    }

    /// Starts the guest.
    ///
    /// # Errors
    ///
    /// [`BootError`] where this machine cannot start it. What goes wrong inside
    /// is seen on its console.
    pub fn boot(&self) -> Result<Guest, BootError> {
        let folder = RunFolder::new(self.root, self.device.as_deref())?;
        for (name, contents) in &self.programs {
            folder.put_program(name, contents)?;
        }
        let kernel = self.root.kernel();
        let memory = self.memory_folder(folder.path())?;
        let start = || -> io::Result<(Child, PipeReader)> {
            let (console, output) = io::pipe()?;
            let child = Command::new(&kernel)
                .args(self.command_line())
                .current_dir(folder.path())
                .env_clear()
                .env("TMPDIR", &memory)
                .stdin(Stdio::piped())
                .stdout(output.try_clone()?)
                .stderr(output)
                .process_group(0)
                .spawn()?;
            Ok((child, console))
        };
        let (child, console) = start().map_err(|cause| BootError::Kernel { kernel, cause })?;
        Ok(Guest::watch(folder, child, console))
    }

    fn memory_folder(&self, own: &Path) -> Result<PathBuf, NoMemoryFolder> {
        memory_folder::choose(self.memory_mib, &[Path::new("/dev/shm"), own])
    }

    fn command_line(&self) -> Vec<String> {
        let mut line = vec![
            format!("mem={}M", self.memory_mib),
            format!("PORTUNUS_LIFE_S={}", self.life.as_secs()),
            "hostfs=/proc/self/cwd".to_owned(),
            "rootfstype=hostfs".to_owned(),
            // The slash has the link followed.
            format!("rootflags={ROOT}/"),
            "ro".to_owned(),
            "init=/init".to_owned(),
            "quiet".to_owned(),
            "con=null".to_owned(),
            "con0=fd:0,fd:1".to_owned(),
            format!("uml_dir={KERNEL_FILES}"),
            "umid=guest".to_owned(),
        ];
        if self.device.is_some() {
            line.push(format!("virtio_uml.device={DEVICE}:{VIRTIO_CONSOLE}"));
        }
        line
    }
}

/// A guest's life; it runs as a process group, as long as its leader is not reaped:
/// only so long is the number ours.
type UmlLife = Life<Pid>;

/// A running guest. Dropped, it is killed, and its folder is deleted.
#[derive(Debug)]
pub struct Guest {
    folder: RunFolder,
    typed: Option<ChildStdin>,
    life: Arc<UmlLife>,
    threads: Vec<JoinHandle<()>>,
}

impl Guest {
    fn watch(folder: RunFolder, mut child: Child, console: PipeReader) -> Self {
        let life = Arc::new(Life::of(Pid::from_child(&child)));
        let typed = child.stdin.take();
        let (reader, reaper) = (life.clone(), life.clone());
        let threads = vec![
            thread::spawn(move || read_console(&reader, console)),
            thread::spawn(move || reap(&reaper, child)),
        ];
        Self {
            folder,
            typed,
            life,
            threads,
        }
    }

    /// The guest's folder, with `/exchange`.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// What ends this guest from another thread: whoever waits for it then
    /// hears that it ended.
    pub fn killer(&self) -> GuestKiller {
        GuestKiller(Arc::clone(&self.life))
    }

    /// Types a line on the guest's console.
    ///
    /// # Errors
    ///
    /// [`GuestError::Console`] once the guest has ended.
    pub fn say(&mut self, line: &str) -> Result<(), GuestError> {
        let typed = self
            .typed
            .as_mut()
            .ok_or_else(|| io::ErrorKind::BrokenPipe.into());
        typed
            .and_then(|typed| typed.write_all(format!("{line}\n").as_bytes()))
            .map_err(GuestError::Console)
    }

    /// Waits for the next line that the guest prints.
    ///
    /// # Errors
    ///
    /// [`GuestError`] if none comes within that time, or ever.
    pub fn next_line(&mut self, within: Duration) -> Result<String, GuestError> {
        self.find_line("print a line", within, |_| true)
    }

    /// Takes lines until one has what `is_wanted` asks for, and answers that one.
    /// `task` tells an error what the guest should have done.
    ///
    /// # Errors
    ///
    /// [`GuestError`] if none comes within that time, or ever.
    pub fn find_line(
        &mut self,
        task: &'static str,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String, GuestError> {
        self.life.find_line(task, within, is_wanted)
    }

    /// Waits until the guest has powered off; answers its program's exit status.
    ///
    /// # Errors
    ///
    /// [`GuestError`] if it takes longer, or died before its program ended.
    pub fn finish(&mut self, within: Duration) -> Result<i32, GuestError> {
        self.life.finish(within, |_| {
            let text = self.folder.read("status").ok()?;
            String::from_utf8_lossy(&text).trim().parse().ok()
        })
    }

    /// What the guest has printed, as far as it is remembered (4,096 lines).
    pub fn console(&self) -> String {
        self.life.console()
    }
}

/// Ends a guest that another thread waits for.
#[derive(Debug)]
pub struct GuestKiller(Arc<UmlLife>);

impl GuestKiller {
    /// Kills the guest, if it has not ended.
    pub fn kill(&self) {
        kill(&self.0.lock());
    }
}

fn kill(state: &State<Pid>) {
    if let Some(group) = state.running {
        // It fails where all have ended already.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn read_console(life: &UmlLife, mut console: PipeReader) {
    let mut buffer = [0; 4096];
    // An error ends the console as its end does.
    while let Ok(length @ 1..) = console.read(&mut buffer) {
        life.print(buffer.get(..length).unwrap_or_default());
    }
    life.close_console();
}

/// Waits for the kernel's end and takes what it left of its group along.
fn reap(life: &UmlLife, mut child: Child) {
    let pid = Pid::from_child(&child);
    while waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )
    .is_err_and(|fault| fault == rustix::io::Errno::INTR)
    {}
    life.change(|state| {
        kill(state);
        // The kernel has ended: this takes no time, and its status says nothing.
        let _ = child.wait();
        state.running = None;
    });
}

impl Drop for Guest {
    fn drop(&mut self) {
        kill(&self.life.lock());
        for thread in self.threads.drain(..) {
            // A thread of ours that panicked has said so.
            let _ = thread.join();
        }
    }
}
