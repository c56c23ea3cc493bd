//! Who compiles a component: this process, or a child with bounds.
//!
//! Compiling cannot be cancelled, takes memory and time by what is compiled, and
//! is the largest piece of code that reads what a plugin's author wrote. In a
//! child it can be ended: a component that makes the compiler loop, eat memory
//! or crash is an error, and nothing else notices. What a child does *not* stop
//! is a component that takes the compiler over and has it make code of its own
//! choice: that code runs in the parent. The parent checks that the answer came
//! whole, not that it was compiled well; the wall against that is wasmtime's.

mod child;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use worker::compile_as_child;

use crate::code::{CodeKey, SealedCode};
use crate::load_error::LoadError;

/// Who compiles.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// This process, without bounds: for components that one trusts.
    InProcess,
    /// A child of this process, for each component.
    Child(ChildCompiler),
}

/// A program that calls [`compile_as_child`], and its bounds.
#[derive(Clone, Debug)]
pub struct ChildCompiler {
    /// The program.
    pub program: PathBuf,
    /// Its arguments. This process's id follows them.
    pub arguments: Vec<OsString>,
    /// What one component may take.
    pub limits: CompileLimits,
}

/// What compiling one component may take.
#[derive(Clone, Copy, Debug)]
pub struct CompileLimits {
    /// Time, and time computing.
    pub time: Duration,
    /// Address space, in bytes.
    pub memory_bytes: u64,
}

impl CompileLimits {
    /// In milliseconds. Python's interpreter, the largest component of today's
    /// tools, takes 25 s, and 60 s where nothing is optimised; a busy or old
    /// machine some times that.
    pub const DEFAULT_TIME_MS: u64 = 300_000;

    /// Python's takes 370 MiB, a small plugin less than 80.
    pub const DEFAULT_MEMORY_BYTES: u64 = 2 << 30;
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_millis(Self::DEFAULT_TIME_MS),
            memory_bytes: Self::DEFAULT_MEMORY_BYTES,
        }
    }
}

impl Compiler {
    /// Compiles a component. `key` is what the code is sealed under.
    pub(crate) fn compile(
        &self,
        engine: &wasmtime::Engine,
        key: CodeKey,
        source: &[u8],
        named: &str,
    ) -> Result<SealedCode, LoadError> {
        match self {
            Self::InProcess => engine
                .precompile_component(source)
                .map(|code| SealedCode::seal(key, &code))
                .map_err(|error| LoadError::malformed(named, &error)),
            Self::Child(child) => child.compile(key, source, named),
        }
    }
}
