//! What an author is told of a plugin that failed: one line of the log, however
//! much there is to say.

use portunus_plugin::{Fault, FaultCause, LimitStruck};

use super::recipe::StartFault;

/// Bytes of a backtrace in the log: some fifty frames. Each is escaped and cut
/// by the runtime, and separated here so that a report stays one line.
const MAX_BACKTRACE_BYTES: usize = 4_096;

/// A failure, taken apart for the log's fields.
pub(super) struct CrashReport {
    /// The call that failed.
    pub(super) export: &'static str,
    /// In a word: `trap`, or the name of the limit that struck.
    pub(super) cause: &'static str,
    /// The limit that struck, if one did.
    pub(super) struck: Option<LimitStruck>,
    /// Where in the plugin, innermost first, with names where the component has
    /// them. Empty where nothing is known.
    pub(super) backtrace: String,
}

impl From<&StartFault> for CrashReport {
    fn from(fault: &StartFault) -> Self {
        match fault {
            StartFault::Failed(fault) => fault.into(),
            StartFault::Refused(_) => Self {
                export: "init",
                cause: "refused",
                struck: None,
                backtrace: String::new(),
            },
        }
    }
}

impl From<&Fault> for CrashReport {
    fn from(fault: &Fault) -> Self {
        let struck = match &fault.cause {
            FaultCause::Limit(struck) => Some(struck.clone()),
            _ => None,
        };
        Self {
            export: fault.export,
            cause: fault.cause.name(),
            struck,
            backtrace: fault.backtrace.as_deref().map(one_line).unwrap_or_default(),
        }
    }
}

/// The frames of a backtrace, a line each, as one line; whole frames alone.
fn one_line(backtrace: &str) -> String {
    let mut line = String::new();
    for frame in backtrace.lines() {
        let frame = frame.split_whitespace().collect::<Vec<_>>().join(" ");
        let length = line.len().saturating_add(frame.len());
        if length > MAX_BACKTRACE_BYTES {
            line.push_str(" | ...");
            break;
        }
        if !line.is_empty() {
            line.push_str(" | ");
        }
        line.push_str(&frame);
    }
    line
}

#[cfg(test)]
#[path = "crash_report_tests.rs"]
mod tests;
