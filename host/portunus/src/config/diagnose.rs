//! What is wrong with a configuration: where, why, and what to do.
//!
//! Owns the faults themselves and their machine-readable form. Leaves finding
//! them to the walk, and drawing them to `render`.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::render::Style;
use super::source::{Source, Span};

/// Faults that one answer reports; the others are counted. Nobody mends more
/// before the next look, and a file that is wrong on every line must not cost
/// a drawing for each.
pub const MAX_REPORTED: usize = 100;

/// A part of the file, and what to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The text that is underlined.
    pub span: Span,
    /// What is said beside it, in a few words.
    pub text: String,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in a sentence.
    pub what: String,
    /// Where: the first is the fault's own place, others explain it. Empty
    /// where the file as a whole is at fault.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: String,
}

impl Diagnostic {
    /// A fault of the file as a whole, until [`Diagnostic::at`] says where.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            labels: Vec::new(),
            help: String::new(),
        }
    }

    /// Underlines `span` as well, with a few words beside it.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    fn place(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}

/// Every fault of one configuration, in the order of the file: never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    source: Arc<Source>,
    faults: Vec<Diagnostic>,
    omitted: usize,
}

impl Diagnostics {
    /// Collects the faults of one file. Past [`MAX_REPORTED`] they are only
    /// counted.
    pub fn new(source: impl Into<Arc<Source>>, mut faults: Vec<Diagnostic>) -> Self {
        faults.sort_by_key(Diagnostic::place);
        let omitted = faults.len().saturating_sub(MAX_REPORTED);
        faults.truncate(MAX_REPORTED);
        Self {
            source: source.into(),
            faults,
            omitted,
        }
    }

    /// The file that is at fault.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The faults that are reported.
    pub fn faults(&self) -> &[Diagnostic] {
        &self.faults
    }

    /// How many faults there are beyond those reported.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// The faults as tools read them: `portunus check --format json`.
    pub fn report(&self) -> Report<'_> {
        let faults = self
            .faults
            .iter()
            .map(|fault| self.report_fault(fault))
            .collect();
        Report {
            file: self.source.path().display().to_string(),
            ok: false,
            faults,
            omitted: self.omitted,
        }
    }

    fn report_fault<'a>(&self, fault: &'a Diagnostic) -> ReportedFault<'a> {
        let labels = fault.labels.iter().map(|label| {
            let (line, column) = self.source.position(label.span.start);
            let (end_line, end_column) = self.source.position(label.span.end);
            ReportedLabel {
                line,
                column,
                end_line,
                end_column,
                text: &label.text,
            }
        });
        ReportedFault {
            what: &fault.what,
            help: &fault.help,
            places: labels.collect(),
        }
    }
}

/// The faults drawn for a page without colours.
impl fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Diagnostics {}

/// What `portunus check --format json` prints.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// The configuration's path, as it was given.
    pub file: String,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// What is wrong, in the order of the file.
    pub faults: Vec<ReportedFault<'a>>,
    /// How many faults there are beyond those reported.
    pub omitted: usize,
}

/// One fault, as tools read it.
#[derive(Debug, Serialize)]
pub struct ReportedFault<'a> {
    /// What is wrong.
    pub what: &'a str,
    /// What to do about it.
    pub help: &'a str,
    /// Where: the first place is the fault's own.
    pub places: Vec<ReportedLabel<'a>>,
}

/// A place in the file. Lines and columns count from 1, columns in characters;
/// the end is the position after the last character.
#[derive(Debug, Serialize)]
pub struct ReportedLabel<'a> {
    /// The line of the first character.
    pub line: usize,
    /// The column of the first character.
    pub column: usize,
    /// The line of the end.
    pub end_line: usize,
    /// The column of the end.
    pub end_column: usize,
    /// What is said beside it.
    pub text: &'a str,
}

#[cfg(test)]
#[path = "diagnose_tests.rs"]
mod tests;
