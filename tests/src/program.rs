//! The program itself, as a child process with a folder of its own.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use portunus::guest::{Guest, UmlSpec};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::guest::{DEADLINE, project, root};
use crate::lines::Lines;

/// The program as the tests' own build made it.
///
/// # Panics
///
/// Where it is not built: `make test` builds it.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let binary = folder.join("portunus");
    assert!(
        binary.is_file(),
        "{} is missing: run `make test`",
        binary.display()
    );
    binary
}

/// Where the component of `tests/faulty` is: built by the first test that asks.
///
/// # Panics
///
/// Where it cannot be built.
pub fn faulty() -> &'static str {
    static COMPONENT: LazyLock<String> = LazyLock::new(|| {
        let script = project().join("plugins/build.sh");
        let built = Command::new(script)
            .arg(project().join("tests/faulty"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        let path = String::from_utf8(built.stdout).unwrap();
        path.trim_end().to_owned()
    });
    &COMPONENT
}

/// A running `portunus serve`, or `portunus run`. Killed when it is dropped.
pub struct Program {
    child: Child,
    folder: TempDir,
    lines: Lines,
}

impl Program {
    /// Serves this configuration in a new folder, and waits until the socket
    /// is ready.
    pub fn serve(config: &str) -> Self {
        Self::serve_by(&mut Command::new(binary()), config)
    }

    /// The same by a command of its own: another build of the program, or one
    /// that makes ready and then runs it.
    pub fn serve_by(command: &mut Command, config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        std::fs::write(folder.path().join("vm.toml"), config).unwrap();
        Self::start(command, folder, &[])
    }

    /// Runs the machine of a configuration in a new folder, and waits until it
    /// has started.
    pub fn run_machine(config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        std::fs::write(folder.path().join("vm.toml"), config).unwrap();
        Self::run_machine_in(folder)
    }

    /// The same with the `vm.toml` of a folder.
    pub fn run_machine_in(folder: TempDir) -> Self {
        let mut command = Command::new(binary());
        command.args(["run", "vm.toml"]);
        Self::start_until(&mut command, folder, "the machine runs")
    }

    /// Serves a configuration with its `logs` on a small disk of its own, whose
    /// files [`Self::on_disk`] shows. Where not root, this needs a system that
    /// lets users have namespaces (`sysctl kernel.unprivileged_userns_clone=1`).
    pub fn serve_on_small_disk(config: &str, disk_bytes: usize) -> Self {
        let mount = format!("mount -t tmpfs -o size={disk_bytes} none logs && exec \"$0\" \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &mount]);
        Self::serve_by(command.arg(binary()), config)
    }

    /// A file of the program's folder as the program sees it.
    pub fn on_disk(&self, file: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.child.id());
        let folder = self.folder().strip_prefix("/").unwrap();
        Path::new(&root).join(folder).join(file)
    }

    /// Serves the `vm.toml` of a folder, with further arguments.
    pub fn serve_in(folder: TempDir, arguments: &[&str]) -> Self {
        Self::start(&mut Command::new(binary()), folder, arguments)
    }

    fn start(command: &mut Command, folder: TempDir, arguments: &[&str]) -> Self {
        command
            .args(["serve", "vm.toml", "--socket", "vm.sock"])
            .args(arguments);
        Self::start_until(command, folder, "ready")
    }

    /// Starts it in its folder, and waits for a line of its log.
    fn start_until(command: &mut Command, folder: TempDir, line: &str) -> Self {
        let mut child = command
            .current_dir(folder.path())
            .env("PORTUNUS_CACHE_DIR", project().join("target/cache"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::read(child.stderr.take().unwrap());
        let mut program = Self {
            child,
            folder,
            lines,
        };
        program.find_line(line);
        program
    }

    /// Where it runs: `vm.toml`, `vm.sock`, `logs/`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its vhost-user socket.
    pub fn socket(&self) -> PathBuf {
        self.folder().join("vm.sock")
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Boots a guest that runs a script, and whose ports this program serves.
    pub fn boot(&self, script: &str) -> Guest {
        let root = root().unwrap();
        let script = format!("#!/bin/busybox sh\nset -e\n{script}");
        self.boot_spec(UmlSpec::new(&root, script.as_bytes()))
    }

    /// Boots this guest, whose ports this program serves.
    pub fn boot_spec(&self, mut spec: UmlSpec<'_>) -> Guest {
        spec.device = Some(self.socket());
        spec.boot().unwrap()
    }

    /// Runs a script in such a guest to its end, which must be a good one, and
    /// answers its console.
    pub fn run(&self, script: &str) -> String {
        let mut guest = self.boot(script);
        assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
        guest.console()
    }

    /// Waits for a line of its log that contains `words`.
    pub fn find_line(&mut self, words: &str) -> String {
        self.lines.find(words, DEADLINE)
    }

    /// All of its log so far.
    pub fn log(&mut self) -> &str {
        self.lines.seen()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for its end, and gives its folder back with its whole log.
    pub fn wait(mut self) -> Ended {
        let status = wait_for(&mut self.child, DEADLINE).unwrap();
        let log = self.lines.to_end(DEADLINE).to_owned();
        let folder = std::mem::replace(&mut self.folder, TempDir::new().unwrap());
        Ended {
            status,
            folder,
            log,
        }
    }

    /// Asks it to stop, and waits for that.
    pub fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A program that has ended.
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it leaves.
    pub folder: TempDir,
    /// All that it logged.
    pub log: String,
}

/// Waits for a child's end without sleeping.
///
/// # Errors
///
/// `TimedOut` where it takes longer.
pub fn wait_for(child: &mut Child, within: Duration) -> io::Result<ExitStatus> {
    let (tell, told) = channel();
    let pid = Pid::from_child(child);
    std::thread::spawn(move || {
        let status = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
        let _nobody_waits = tell.send(status);
    });
    let status = told
        .recv_timeout(within)
        .map_err(|_late| io::Error::from(io::ErrorKind::TimedOut))??;
    let (_, status) = status.ok_or(io::ErrorKind::NotFound)?;
    Ok(ExitStatus::from_raw(status.as_raw()))
}
