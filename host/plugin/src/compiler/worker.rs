//! The child's side: one component from standard input, its code to standard
//! output.

use std::io::{self, Read, Write};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::code::{CodeKey, SealedCode};
use crate::component::MAX_COMPONENT_BYTES;
use crate::engine;

/// Exit status: code was written.
pub(super) const COMPILED: u8 = 0;

/// Exit status: no component; the reason was written instead.
pub(super) const REFUSED: u8 = 65;

/// Exit status: there was not enough memory.
pub(super) const NO_MEMORY: u8 = 71;

/// Exit status: the system does not let it work; the reason is on standard
/// error.
const FAILED: u8 = 1;

/// Compiles for the process `parent` that started this one, and ends with it.
/// Returns the exit status. For a program that has done nothing else yet.
pub fn compile_as_child(parent: u32) -> u8 {
    compile(parent).unwrap_or_else(|error| {
        // Nobody else can be told.
        let _closed = writeln!(io::stderr(), "{error}");
        FAILED
    })
}

fn compile(parent: u32) -> io::Result<u8> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before it was to take us with it.
    if getppid().map(Pid::as_raw_pid) != i32::try_from(parent).ok() {
        return Err(io::Error::other("the process that asked is gone"));
    }
    let mut source = Vec::new();
    io::stdin()
        .take(MAX_COMPONENT_BYTES)
        .read_to_end(&mut source)?;
    // Where instances would live makes no difference for code.
    let engine = wasmtime::Engine::new(&engine::config()).map_err(io::Error::other)?;
    let (status, answer) = match engine.precompile_component(&source) {
        Ok(code) => {
            let sealed = SealedCode::seal(CodeKey::of(&engine, &source), &code);
            (COMPILED, sealed)
        }
        Err(error) if error.is::<wasmtime::error::OutOfMemory>() => return Ok(NO_MEMORY),
        Err(error) => {
            io::stdout().write_all(format!("{error:#}").as_bytes())?;
            return Ok(REFUSED);
        }
    };
    io::stdout().write_all(answer.bytes())?;
    Ok(status)
}
