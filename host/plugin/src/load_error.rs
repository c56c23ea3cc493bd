//! Why a file is not a plugin, in words for the person who wrote it, or who
//! named it in a configuration.

use std::path::PathBuf;
use std::time::Duration;

use crate::code::MAX_CODE_BYTES;
use crate::component::{MAX_COMPONENT_BYTES, clean_words};
use crate::imports::{PACKAGE, VERSION};

/// Why a component was refused, before anything of it ran. The configuration's
/// fault; of [`LoadError::Compiler`] perhaps the host's.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the plugin {}: {source}; correct the path, or who may read it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It has more than [`MAX_COMPONENT_BYTES`].
    #[error(
        "{named} is larger than the {MAX_COMPONENT_BYTES} bytes that a plugin may have; build it \
         optimised, and strip its debug information"
    )]
    TooLarge {
        /// The component, as its user calls it.
        named: String,
    },
    /// It is something else altogether.
    #[error(
        "{named} is not WebAssembly; a plugin is a binary component, as `cargo build --target \
         wasm32-wasip2` makes it"
    )]
    NotWasm {
        /// The component, as its user calls it.
        named: String,
    },
    /// It is a core module.
    #[error(
        "{named} is a core WebAssembly module, and a plugin is a component; make it one with \
         `wasm-tools component new`, or build for wasm32-wasip2"
    )]
    CoreModule {
        /// The component, as its user calls it.
        named: String,
    },
    /// It is damaged, or uses what this host does not allow.
    #[error("{named} is not a valid component: {reason}; build it again")]
    Malformed {
        /// The component, as its user calls it.
        named: String,
        /// What the compiler says.
        reason: String,
    },
    /// Compiling it did not end in time.
    #[error(
        "{named} takes longer than {} s to compile; build it smaller, or allow it more time",
        limit.as_secs_f64()
    )]
    CompileTime {
        /// The component, as its user calls it.
        named: String,
        /// How long it may take.
        limit: Duration,
    },
    /// Compiling it took too much memory.
    #[error(
        "{named} needs more than {} MiB to be compiled; build it smaller, or allow it more memory",
        limit_bytes >> 20
    )]
    CompileMemory {
        /// The component, as its user calls it.
        named: String,
        /// How much address space the compiler may have.
        limit_bytes: u64,
    },
    /// Its code is too long.
    #[error("{named} becomes more than {MAX_CODE_BYTES} bytes of machine code; build it smaller")]
    CodeTooLarge {
        /// The component, as its user calls it.
        named: String,
    },
    /// The compiler itself failed.
    #[error(
        "{named} could not be compiled, for a reason of the compiler's own: {why}; try again, and \
         report it if that does not help"
    )]
    Compiler {
        /// The component, as its user calls it.
        named: String,
        /// How it ended, and its last words.
        why: String,
    },
    /// It was built for another version of the contract.
    #[error(
        "{named} speaks version {found} of the contract {PACKAGE}, and this host speaks {VERSION}; \
         build the plugin against {VERSION}, or use the host that goes with it"
    )]
    OtherContract {
        /// The component, as its user calls it.
        named: String,
        /// The version that it names.
        found: String,
    },
    /// It imports what nobody provides.
    #[error(
        "{named} imports what this host does not provide: {}; a plugin can import the interfaces \
         of {PACKAGE}@{VERSION}, and WASI 0.2",
        imports.join(", ")
    )]
    MissingImports {
        /// The component, as its user calls it.
        named: String,
        /// All of them, in the component's order.
        imports: Vec<String>,
    },
    /// It does not answer ports.
    #[error(
        "{named} is not a plugin: it does not export {PACKAGE}/handler@{VERSION}, but {}; build it \
         for the world `plugin` of {PACKAGE}",
        list(exports)
    )]
    WrongWorld {
        /// The component, as its user calls it.
        named: String,
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// A function of the contract, or of WASI, has another type there than here.
    #[error(
        "{named} does not fit the contract {PACKAGE}@{VERSION}: {reason}; build it against this \
         host's wit/"
    )]
    WrongShape {
        /// The component, as its user calls it.
        named: String,
        /// Which function, and how it differs.
        reason: String,
    },
}

impl LoadError {
    /// What the compiler says of a component.
    pub(crate) fn malformed(named: &str, error: &wasmtime::Error) -> Self {
        Self::Malformed {
            named: named.to_owned(),
            reason: clean_words(&format!("{error:#}")),
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
