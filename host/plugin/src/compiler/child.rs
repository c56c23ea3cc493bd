//! The parent's side: starts the child, bounds it, and makes of its end a
//! component's code or a reason.
//!
//! Input and output are files in memory: no pipe can fill and no reader can be
//! kept waiting, whatever the child does.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, pidfd_open, prlimit};

use super::worker::{COMPILED, NO_MEMORY, REFUSED};
use super::{ChildCompiler, CompileLimits};
use crate::code::{CodeKey, MAX_CODE_BYTES, SealedCode};
use crate::component::clean_words;
use crate::load_error::LoadError;

/// How long compiling may take before the log says that it goes on.
const UNSAID: Duration = Duration::from_secs(1);

/// Bytes of what the child says of its own end: a panic's words are at the
/// beginning.
const MAX_SAID_BYTES: u64 = 4 << 10;

/// What the standard library says where an allocation fails, before it aborts.
const NO_MEMORY_WORDS: &str = "memory allocation of ";

/// A child that has ended.
struct Ended {
    /// How; `None` where it was ended because it took too long.
    status: Option<ExitStatus>,
    output: File,
    errors: File,
}

impl ChildCompiler {
    pub(super) fn compile(
        &self,
        key: CodeKey,
        source: &[u8],
        named: &str,
    ) -> Result<SealedCode, LoadError> {
        let failed = |why: String| LoadError::Compiler {
            named: named.to_owned(),
            why: clean_words(&why),
        };
        let unusable = |error: io::Error| {
            let program = self.program.display();
            failed(format!("{program} cannot be used for it: {error}"))
        };
        let ended = self.run(source, named).map_err(unusable)?;
        let Some(status) = ended.status else {
            return Err(self.too_long(named));
        };
        let answer = |limit| read_from_start(&ended.output, limit).map_err(unusable);
        match status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(COMPILED) => {
                return SealedCode::verify(key, answer(MAX_CODE_BYTES)?)
                    .ok_or_else(|| failed("its answer is not what it should be".to_owned()));
            }
            Some(REFUSED) => {
                let reason = answer(MAX_SAID_BYTES)?;
                return Err(LoadError::Malformed {
                    named: named.to_owned(),
                    reason: clean_words(&String::from_utf8_lossy(&reason)),
                });
            }
            Some(NO_MEMORY) => return Err(self.too_large(named)),
            _ => {}
        }
        let said = read_from_start(&ended.errors, MAX_SAID_BYTES).map_err(unusable)?;
        let said = String::from_utf8_lossy(&said);
        match status.signal().and_then(Signal::from_named_raw) {
            Some(Signal::XCPU) => Err(self.too_long(named)),
            Some(Signal::XFSZ) => Err(LoadError::CodeTooLarge {
                named: named.to_owned(),
            }),
            Some(Signal::ABORT) if said.contains(NO_MEMORY_WORDS) => Err(self.too_large(named)),
            _ => Err(failed(format!("{status}: {}", said.trim()))),
        }
    }

    /// Has the child compile, to its end or to the end of its time.
    fn run(&self, source: &[u8], named: &str) -> io::Result<Ended> {
        let mut input = memory_file()?;
        input.write_all(source)?;
        input.rewind()?;
        let (output, errors) = (memory_file()?, memory_file()?);
        let child = Command::new(&self.program)
            .arg0("portunus")
            .args(&self.arguments)
            .arg(std::process::id().to_string())
            .stdin(input)
            .stdout(output.try_clone()?)
            .stderr(errors.try_clone()?)
            // A terminal's Ctrl-C is for the parent, which takes the child along.
            .process_group(0)
            .spawn()?;
        let mut child = Running(child);
        bound(&child.0, self.limits)?;
        let end = pidfd_open(Pid::from_child(&child.0), PidfdFlags::empty())?;
        let unsaid = self.limits.time.min(UNSAID);
        let rest = self.limits.time.saturating_sub(unsaid);
        let mut has_ended = ends_within(&end, unsaid)?;
        if !has_ended && !rest.is_zero() {
            let bytes = source.len();
            tracing::info!(plugin = named, bytes, "compiling takes a while");
            has_ended = ends_within(&end, rest)?;
        }
        let status = if has_ended {
            Some(child.0.wait()?)
        } else {
            None
        };
        Ok(Ended {
            status,
            output,
            errors,
        })
    }

    fn too_long(&self, named: &str) -> LoadError {
        LoadError::CompileTime {
            named: named.to_owned(),
            limit: self.limits.time,
        }
    }

    fn too_large(&self, named: &str) -> LoadError {
        LoadError::CompileMemory {
            named: named.to_owned(),
            limit_bytes: self.limits.memory_bytes,
        }
    }
}

/// A child that does not outlive the wait for it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, and been waited for, already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Sets the system's limits for the child. It runs already: what it has used by
/// then counts.
fn bound(child: &Child, limits: CompileLimits) -> io::Result<()> {
    // The parent waits no longer than this either; where nobody waits any more,
    // or the machine is busy, the time computing is what ends it. A whole second
    // more, since what the parent says is the clearer word.
    let cpu = limits.time.as_secs().saturating_add(1);
    // Of address space, since the system counts what is mapped however it is
    // used; the child has no pool of instances, which would take far more.
    set(child, Resource::As, limits.memory_bytes)?;
    set(child, Resource::Cpu, cpu)?;
    // A core file would have another's component in it, and fill the disk.
    set(child, Resource::Core, 0)?;
    // Each of its files is one of ours in memory.
    set(child, Resource::Fsize, MAX_CODE_BYTES)
}

/// Sets one limit, or leaves it where it is lower. The hard one is one more: a
/// child that reaches that of its time is killed without a word of why.
fn set(child: &Child, resource: Resource, limit: u64) -> io::Result<()> {
    let now = getrlimit(resource);
    let maximum = now.maximum.unwrap_or(u64::MAX).min(limit.saturating_add(1));
    let limit = Rlimit {
        current: Some(now.current.unwrap_or(u64::MAX).min(limit).min(maximum)),
        maximum: Some(maximum),
    };
    prlimit(Some(Pid::from_child(child)), resource, limit)?;
    Ok(())
}

/// Waits for a process to end, at most this long.
fn ends_within(process: &OwnedFd, time: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        let left = time.saturating_sub(begun.elapsed());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut polled = [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
        match poll(&mut polled, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(ready) => return Ok(ready > 0),
            Err(error) => return Err(error.into()),
        }
    }
}

/// An empty file in memory.
fn memory_file() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC;
    // Systems that let no file in memory be run want to be told that none is;
    // before Linux 6.3 there is no word for that.
    let file = memfd_create("portunus-compile", flags | MemfdFlags::NOEXEC_SEAL)
        .or_else(|_older| memfd_create("portunus-compile", flags))?;
    Ok(file.into())
}

fn read_from_start(mut file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
