//! One guest: a User Mode Linux kernel, which is a process of this machine with
//! children of its own. Nothing of it outlives the [`Guest`].

use std::io::{self, PipeReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::console::Console;
use super::folder::{DEVICE, KERNEL_FILES, ROOT, RunFolder, RunFolderError};
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

/// What a guest did not do.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// It took too long.
    #[error("the guest did not {task} within {} s; its last lines:{tail}", .within.as_secs())]
    Late {
        /// What it was to do.
        task: &'static str,
        /// The time it had.
        within: Duration,
        /// Its console's last lines.
        tail: String,
    },
    /// It ended before.
    #[error("the guest ended and did not {task}; its last lines:{tail}")]
    Ended {
        /// What it was to do.
        task: &'static str,
        /// Its console's last lines.
        tail: String,
    },
    /// It could not be spoken to.
    #[error("the guest's console takes no line: {0}")]
    Console(io::Error),
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

/// A running guest. Dropped, it is killed, and its folder is deleted.
#[derive(Debug)]
pub struct Guest {
    folder: RunFolder,
    typed: Option<ChildStdin>,
    life: Arc<Life>,
    threads: Vec<JoinHandle<()>>,
}

/// What the guest's threads tell.
#[derive(Debug, Default)]
struct Life {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    console: Console,
    console_closed: bool,
    /// The process group, as long as its leader is not reaped: only so long is
    /// the number ours.
    group: Option<Pid>,
}

impl State {
    fn is_over(&self) -> bool {
        self.group.is_none() && self.console_closed
    }

    fn kill(&self) {
        if let Some(group) = self.group {
            // It fails where all have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Guest {
    fn watch(folder: RunFolder, mut child: Child, console: PipeReader) -> Self {
        let life = Arc::new(Life::default());
        let typed = child.stdin.take();
        life.lock().group = Some(Pid::from_child(&child));
        let (reader, reaper) = (life.clone(), life.clone());
        let threads = vec![
            thread::spawn(move || reader.read_console(console)),
            thread::spawn(move || reaper.reap(child)),
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
        let mut found = None;
        let state = self.life.wait_while(within, |state| {
            while let Some(line) = state.console.take_line() {
                if is_wanted(&line) {
                    found = Some(line);
                    return false;
                }
            }
            !state.is_over()
        });
        found.ok_or_else(|| state.fault(task, within))
    }

    /// Waits until the guest has powered off; answers its program's exit status.
    ///
    /// # Errors
    ///
    /// [`GuestError`] if it takes longer, or died before its program ended.
    pub fn finish(&mut self, within: Duration) -> Result<i32, GuestError> {
        const TASK: &str = "run its program and power off";
        let state = self.life.wait_while(within, |state| !state.is_over());
        let status = self.folder.read("status").ok().filter(|_| state.is_over());
        status
            .and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok())
            .ok_or_else(|| state.fault(TASK, within))
    }

    /// What the guest has printed, as far as it is remembered (4,096 lines).
    pub fn console(&self) -> String {
        self.life.lock().console.text()
    }
}

/// Ends a guest that another thread waits for.
#[derive(Debug)]
pub struct GuestKiller(Arc<Life>);

impl GuestKiller {
    /// Kills the guest, if it has not ended.
    pub fn kill(&self) {
        self.0.lock().kill();
    }
}

impl State {
    fn fault(&self, task: &'static str, within: Duration) -> GuestError {
        let tail = self.console.tail();
        if self.is_over() {
            GuestError::Ended { task, tail }
        } else {
            GuestError::Late { task, within, tail }
        }
    }
}

impl Life {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(
        &self,
        within: Duration,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'_, State> {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), within, condition);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn read_console(&self, mut console: PipeReader) {
        let mut buffer = [0; 4096];
        // An error ends the console as its end does.
        while let Ok(length @ 1..) = console.read(&mut buffer) {
            self.lock()
                .console
                .print(buffer.get(..length).unwrap_or_default());
            self.changed.notify_all();
        }
        let mut state = self.lock();
        state.console.close();
        state.console_closed = true;
        self.changed.notify_all();
    }

    /// Waits for the kernel's end and takes what it left of its group along.
    fn reap(&self, mut child: Child) {
        let pid = Pid::from_child(&child);
        while waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
        .is_err_and(|fault| fault == rustix::io::Errno::INTR)
        {}
        let mut state = self.lock();
        state.kill();
        // The kernel has ended: this takes no time, and its status says nothing.
        let _ = child.wait();
        state.group = None;
        self.changed.notify_all();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.life.lock().kill();
        for thread in self.threads.drain(..) {
            // A thread of ours that panicked has said so.
            let _ = thread.join();
        }
    }
}
