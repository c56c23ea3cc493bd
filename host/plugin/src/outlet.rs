//! A plugin's way out: its host, and before it what bounds and counts the
//! plugin's words and numbers.

use crate::host::{Host, LogLevel, Measure};
use crate::journal::Journal;
use crate::limits::Limits;
use crate::metric_names::{Admission, MetricNames};
use crate::output::Output;

/// What a plugin gave that did not reach its host, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Messages and printed lines beyond the limit `log-rate`.
    pub log_messages: u64,
    /// Messages that were cut at the limit `log-bytes`.
    pub log_messages_cut: u64,
    /// Printed bytes beyond the limit `output`.
    pub output_bytes: u64,
    /// Numbers under a name that no metric can have, or beyond the limit
    /// `metrics`.
    pub measures: u64,
}

/// Passes on what a plugin sends, says and counts.
pub(crate) struct Outlet {
    pub(crate) host: Box<dyn Host>,
    journal: Journal,
    metric_names: MetricNames,
    stdout: Output,
    stderr: Output,
}

impl Outlet {
    pub(crate) fn new(
        host: Box<dyn Host>,
        limits: &Limits,
        stdout: Output,
        stderr: Output,
    ) -> Self {
        Self {
            host,
            journal: Journal::new(limits),
            metric_names: MetricNames::new(limits),
            stdout,
            stderr,
        }
    }

    /// Writes one message of the plugin, after the lines that it printed before.
    pub(crate) fn log(&mut self, level: LogLevel, message: &str) {
        self.log_lines();
        self.journal.write(&mut *self.host, level, message);
    }

    /// Passes on a number, if its name is one that a metric can have.
    pub(crate) fn measure(&mut self, name: &str, value: Measure) {
        match self.metric_names.admit(name) {
            Admission::Known => self.host.measure(name, value),
            Admission::FirstRefused(reason) => {
                self.log(
                    LogLevel::Warn,
                    &format!("metric {name:.80} is ignored: {reason}"),
                );
            }
            Admission::Refused => {}
        }
    }

    /// A call is over: writes the whole lines that the plugin has printed.
    pub(crate) fn end_call(&mut self) {
        self.log_lines();
        self.journal.settle(&mut *self.host);
    }

    /// No call follows: writes everything that is left.
    pub(crate) fn close(&mut self) {
        self.stdout.end_line();
        self.stderr.end_line();
        self.log_lines();
        self.journal.close(&mut *self.host);
    }

    pub(crate) fn losses(&self) -> Losses {
        Losses {
            log_messages: self.journal.dropped(),
            log_messages_cut: self.journal.cut(),
            output_bytes: self
                .stdout
                .bytes_lost()
                .saturating_add(self.stderr.bytes_lost()),
            measures: self.metric_names.refused(),
        }
    }

    fn log_lines(&mut self) {
        let (host, journal) = (&mut *self.host, &mut self.journal);
        self.stdout
            .drain(|line| journal.write(host, LogLevel::Info, line));
        self.stderr
            .drain(|line| journal.write(host, LogLevel::Warn, line));
    }
}
