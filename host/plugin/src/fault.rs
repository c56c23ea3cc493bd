//! How a call into a plugin failed, for its operator and its author.

use std::fmt;

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, ResourceTableError};

use crate::grants::GrantError;
use crate::journal::clean;
use crate::limits::{LimitStruck, Limits};

/// Bytes of what a trap or a bad answer says.
const MAX_WORDS_BYTES: usize = 1_024;

/// Lines of a backtrace, and bytes of each: names come from the component.
const MAX_BACKTRACE_LINES: usize = 64;
const MAX_BACKTRACE_LINE_BYTES: usize = 256;

/// A call that failed. Its instance is of no more use: drop it.
#[derive(Debug, thiserror::Error)]
#[error("{export}: {cause}")]
pub struct Fault {
    /// The function of `handler` that was called, or `start`.
    pub export: &'static str,
    /// What happened.
    pub cause: FaultCause,
    /// Where in the plugin, innermost first, a line a frame; with functions'
    /// names where the component has them. At most 16 KiB.
    pub backtrace: Option<String>,
}

/// What happened in a call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultCause {
    /// The plugin trapped, or called an import as none may be called. The
    /// plugin's fault.
    #[error("the plugin trapped: {0}")]
    Trap(String),
    /// It reached a limit of its port. The plugin's fault.
    #[error("the plugin was stopped: {0}")]
    Limit(LimitStruck),
    /// Its answer breaks the contract. The plugin's fault.
    #[error("the plugin gave a bad answer: {0}")]
    BadAnswer(String),
    /// An earlier call failed, or was dropped before its end. The caller's
    /// fault.
    #[error("an earlier call did not end: this instance can not be used again")]
    Poisoned,
    /// A directory that the port grants cannot be opened.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The host has no room for another instance. The host's fault.
    #[error("the host cannot start another plugin: {0}")]
    Host(String),
}

impl Fault {
    pub(crate) fn new(export: &'static str, cause: impl Into<FaultCause>) -> Self {
        Self {
            export,
            cause: cause.into(),
            backtrace: None,
        }
    }

    /// What a failed call's error means.
    pub(crate) fn from_error(
        export: &'static str,
        error: &wasmtime::Error,
        limits: &Limits,
    ) -> Self {
        Self {
            export,
            cause: cause(error, limits),
            backtrace: error.downcast_ref().map(backtrace),
        }
    }
}

fn cause(error: &wasmtime::Error, limits: &Limits) -> FaultCause {
    if let Some(struck) = error.downcast_ref::<LimitStruck>() {
        return FaultCause::Limit(struck.clone());
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return FaultCause::Limit(LimitStruck::Resources {
            limit: limits.resources,
        });
    }
    if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        return FaultCause::Host(full.to_string());
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return FaultCause::Trap(format!("it called exit({status})"));
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return FaultCause::Trap(trap.to_string());
    }
    let words = error.root_cause().to_string();
    // The runtime has no types for these; the tests of the limits hold them.
    if words.contains("store handle limit exceeded") {
        return FaultCause::Limit(LimitStruck::Resources {
            limit: limits.resources,
        });
    }
    if words.contains("instance count too high") {
        return FaultCause::Limit(LimitStruck::Instances {
            limit: limits.instances,
        });
    }
    if words.contains("fuel allocated for hostcalls has been exhausted") {
        return FaultCause::Limit(LimitStruck::HostCall {
            limit_bytes: limits.host_call_bytes,
        });
    }
    if words.starts_with("requested len ") {
        return FaultCause::Limit(LimitStruck::RandomBytes {
            limit_bytes: limits.random_bytes,
        });
    }
    FaultCause::Trap(clean(&words, MAX_WORDS_BYTES))
}

fn backtrace(trace: &WasmBacktrace) -> String {
    let text = trace.to_string();
    let mut lines = text
        .lines()
        .map(|line| clean(line, MAX_BACKTRACE_LINE_BYTES));
    // Its first line says that it is a backtrace.
    lines.next();
    lines
        .take(MAX_BACKTRACE_LINES)
        .collect::<Vec<_>>()
        .join("\n")
}

impl From<LimitStruck> for FaultCause {
    fn from(struck: LimitStruck) -> Self {
        Self::Limit(struck)
    }
}

impl FaultCause {
    /// The cause's name, as a metric's label.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Trap(_) => "trap",
            Self::Limit(struck) => struck.name(),
            Self::BadAnswer(_) => "bad-answer",
            Self::Poisoned => "poisoned",
            Self::Grant(_) => "grant",
            Self::Host(_) => "host",
        }
    }
}

/// A bad answer in the contract's words.
pub(crate) fn bad_answer(export: &'static str, what: impl fmt::Display) -> Fault {
    Fault::new(export, FaultCause::BadAnswer(what.to_string()))
}
