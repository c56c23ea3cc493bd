//! The outer machine: Debian's kernel with a real `/dev/kvm`, and a shell that
//! takes commands on its serial port.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portunus::guest::{Initramfs, StockKernel};
use tempfile::TempDir;

use super::qemu;
use crate::guest::{folder, root, tell};
use crate::lines::Lines;

/// First process of the machine.
const INIT: &str = include_str!("outer-init.sh");

/// What makes `/dev/kvm` there, in the order in which they are loaded.
const MODULES: [&str; 3] = [
    "kernel/virt/lib/irqbypass.ko",
    "kernel/arch/x86/kvm/kvm.ko",
    "kernel/arch/x86/kvm/kvm-amd.ko",
];

/// Room for the program, an inner machine of 512 MiB, and the files of both.
const MEMORY_MIB: u32 = 1536;

/// The longest that anything takes there: everything is emulated, compiling a
/// plugin and booting a kernel in what is emulated too.
const DEADLINE: Duration = Duration::from_secs(600);

/// A file of the outer machine.
pub struct OuterFile {
    /// Where.
    pub name: String,
    /// A copy of which file of this one's.
    pub from: PathBuf,
}

/// One machine runs at a time: two would share the processors that one of them
/// keeps busy.
static ALONE: Mutex<()> = Mutex::new(());

/// A running outer machine. Killed when it is dropped.
pub struct Outer {
    qemu: Child,
    typed: ChildStdin,
    lines: Lines,
    _folder: TempDir,
    /// Released last.
    _alone: MutexGuard<'static, ()>,
}

impl Outer {
    /// Boots the machine with so many processors. It has these programs in
    /// `/bin`, with the libraries that they need, and these files.
    ///
    /// # Errors
    ///
    /// What is missing.
    ///
    /// # Panics
    ///
    /// Where it does not come up.
    pub fn boot(
        cpus: u32,
        programs: &[&Path],
        files: &[OuterFile],
    ) -> Result<Self, Box<dyn Error>> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let kernel = StockKernel::prepare(&folder()?, &mut tell)?;
        let own = tempfile::tempdir()?;
        let initramfs = own.path().join("initramfs");
        write_initramfs(&initramfs, own.path(), &kernel, programs, files)?;
        let mut qemu = qemu::command()?
            .args(["-M", "pc", "-cpu", "max,+svm,-la57"])
            .args(["-m", &MEMORY_MIB.to_string(), "-smp", &cpus.to_string()])
            .arg("-kernel")
            .arg(kernel.image())
            .arg("-initrd")
            .arg(&initramfs)
            .args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let typed = qemu.stdin.take().ok_or("no standard input")?;
        let lines = Lines::read(qemu.stdout.take().ok_or("no standard output")?);
        let mut outer = Self {
            qemu,
            typed,
            lines,
            _folder: own,
            _alone: alone,
        };
        outer.find("outer: ready with /dev/kvm");
        Ok(outer)
    }

    /// Types a command for the machine's shell.
    ///
    /// # Panics
    ///
    /// Where the machine has ended.
    pub fn say(&mut self, command: &str) {
        self.typed
            .write_all(format!("{command}\n").as_bytes())
            .unwrap();
    }

    /// Waits for a line that contains `words`.
    ///
    /// # Panics
    ///
    /// Where none comes in time: with all that was seen.
    pub fn find(&mut self, words: &str) -> String {
        self.lines.find(words, DEADLINE)
    }

    /// Runs a command to its end, which must be a good one; answers what was
    /// printed meanwhile.
    ///
    /// # Panics
    ///
    /// Where it fails.
    pub fn run(&mut self, command: &str) -> String {
        let before = self.console().len();
        self.say(command);
        let ended = self.find("outer: status ");
        let said = self.console().split_off(before);
        assert!(ended.ends_with("status 0"), "{command}: {said}");
        said
    }

    /// All that the machine has printed.
    pub fn console(&mut self) -> String {
        self.lines.seen().to_owned()
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.qemu.kill());
        drop(self.qemu.wait());
    }
}

fn write_initramfs(
    path: &Path,
    own: &Path,
    kernel: &StockKernel,
    programs: &[&Path],
    files: &[OuterFile],
) -> Result<(), Box<dyn Error>> {
    let mut made = Initramfs::create(path)?;
    let mut folders = Vec::new();
    let mut add = |made: &mut Initramfs, name: &str, from: &Path| -> Result<(), Box<dyn Error>> {
        for folder in Path::new(name)
            .ancestors()
            .skip(1)
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            let folder = folder.to_string_lossy().into_owned();
            if !folder.is_empty() && !folders.contains(&folder) {
                made.folder(&folder)?;
                folders.push(folder);
            }
        }
        Ok(made.copy(name, from)?)
    };
    add(
        &mut made,
        "bin/busybox",
        &root()?.path().join("usr/bin/busybox"),
    )?;
    for module in MODULES {
        let name = Path::new(module).file_name().unwrap_or_default();
        let name = format!("modules/{}", name.to_string_lossy());
        add(&mut made, &name, &kernel.modules().join(module))?;
    }
    let mut libraries = Vec::new();
    for program in programs {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let stripped = own.join(&*name);
        // Without what only a debugger reads, it takes a third of the time.
        let mut strip = Command::new("strip");
        strip
            .args(["--strip-debug", "-o"])
            .arg(&stripped)
            .arg(program);
        output_of(&mut strip)?;
        add(&mut made, &format!("bin/{name}"), &stripped)?;
        for library in libraries_of(program)? {
            if !libraries.contains(&library) {
                add(
                    &mut made,
                    library.trim_start_matches('/'),
                    Path::new(&library),
                )?;
                libraries.push(library);
            }
        }
    }
    for file in files {
        add(&mut made, &file.name, &file.from)?;
    }
    for name in ["dev", "proc", "sys", "tmp"] {
        made.folder(name)?;
    }
    made.file("init", 0o755, INIT.as_bytes())?;
    Ok(made.finish()?)
}

/// The libraries that a program is started with, and what loads them.
fn libraries_of(program: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let said = output_of(Command::new("ldd").arg(program))?;
    let paths = said.split_ascii_whitespace();
    Ok(paths
        .filter(|word| word.starts_with('/'))
        .map(str::to_owned)
        .collect())
}

fn output_of(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let said = command
        .output()
        .map_err(|cause| format!("`{program}` cannot be started: {cause}"))?;
    match said.status.success() {
        true => Ok(String::from_utf8_lossy(&said.stdout).into_owned()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&said.stderr)).into()),
    }
}
