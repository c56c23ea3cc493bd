//! Draws faults for a person: the file, the line, the text underlined, and
//! what to do.
//!
//! Owns what reaches a terminal, so it is where the file's own characters are
//! escaped.

use std::fmt::{self, Write};
use std::io::IsTerminal;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::diagnose::{Diagnostic, Diagnostics};
use super::source::{Source, Span};
use crate::escape;

/// Columns of a drawing: what fits beside something else on a screen, and is
/// the same wherever the output goes.
const WIDTH: usize = 100;

/// Longest line that is drawn, in bytes. A longer one fills the screen and
/// hides the fault; its place is told in words instead.
const MAX_DRAWN_LINE: usize = 512;

/// What the drawing may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// ASCII alone, for files, pipes and plain terminals.
    Plain,
    /// Box-drawing characters without colours.
    Monochrome,
    /// Box-drawing characters and colours.
    Colour,
}

impl Style {
    /// The style for what is printed to standard error: plain where that is
    /// no terminal, without colours where `NO_COLOR` is set (and not empty) or
    /// the terminal is dumb.
    pub fn for_standard_error() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match (std::io::stderr().is_terminal(), set("NO_COLOR")) {
            (false, _) => Self::Plain,
            (true, _) if dumb => Self::Plain,
            (true, true) => Self::Monochrome,
            (true, false) => Self::Colour,
        }
    }

    fn theme(self) -> GraphicalTheme {
        match self {
            Self::Plain => GraphicalTheme::none(),
            Self::Monochrome => GraphicalTheme::unicode_nocolor(),
            Self::Colour => GraphicalTheme::unicode(),
        }
    }
}

impl Diagnostics {
    /// Draws every fault, and then says how many there are.
    pub fn render(&self, style: Style) -> String {
        let source = Shown::new(self.source());
        let handler = GraphicalReportHandler::new_themed(style.theme())
            .with_width(WIDTH)
            .with_break_words(false)
            .without_syntax_highlighting();
        let mut page = String::new();
        for fault in self.faults() {
            let drawing = Drawing::new(fault, &source);
            if handler.render_report(&mut page, &drawing).is_err() {
                // Its place could not be drawn; what and why still can.
                let _ = writeln!(page, "  x {drawing}\n  help: {}", drawing.help);
            }
            page.push('\n');
        }
        let count = self.faults().len().saturating_add(self.omitted());
        let noun = if count == 1 { "fault" } else { "faults" };
        let _ = write!(page, "{count} {noun} in {}", source.name);
        let _ = match self.omitted() {
            0 => writeln!(page),
            omitted => writeln!(page, "; the last {omitted} are not shown"),
        };
        page
    }
}

/// A source as it may be shown: nothing in it moves a terminal's cursor.
struct Shown<'a> {
    source: &'a Source,
    name: String,
    text: NamedSource<String>,
}

impl<'a> Shown<'a> {
    fn new(source: &'a Source) -> Self {
        let name = escape::line(&source.path().display().to_string());
        let text = NamedSource::new(&name, escape::lines(source.text()));
        Self { source, name, text }
    }

    /// Where a span of the source stands in the text that is shown, which is
    /// longer where characters before it are escaped. A span without text
    /// covers the character before it, so that there is something to underline.
    fn span(&self, span: Span) -> miette::SourceSpan {
        let text = self.source.text();
        let span = if span.start < span.end {
            span
        } else {
            widened(text, span.start)
        };
        let shown = |offset: usize| {
            text.get(..offset)
                .map_or(0, |before| escape::lines(before).len())
        };
        let (start, end) = (shown(span.start), shown(span.end));
        (start, end.saturating_sub(start)).into()
    }

    /// Whether the line at `offset` is short enough to be drawn.
    fn is_drawn(&self, span: Span) -> bool {
        let text = self.source.text();
        let before = text.get(..span.start).unwrap_or_default();
        let after = text.get(span.start..).unwrap_or_default();
        // The lines before and after are drawn as well.
        let above = before.rsplit('\n').take(2);
        let below = after.split('\n').take(2);
        above.chain(below).all(|line| line.len() <= MAX_DRAWN_LINE)
    }
}

fn widened(text: &str, offset: usize) -> Span {
    let before = text.get(..offset).unwrap_or_default();
    let start = before
        .char_indices()
        .next_back()
        .map_or(0, |(index, _)| index);
    Span { start, end: offset }
}

/// One fault beside its source, as miette wants to see it.
struct Drawing<'a> {
    what: String,
    help: String,
    labels: Vec<LabeledSpan>,
    source: Option<&'a NamedSource<String>>,
}

impl<'a> Drawing<'a> {
    fn new(fault: &Diagnostic, source: &'a Shown<'a>) -> Self {
        let mut what = escape::line(&fault.what);
        let drawn = fault.labels.iter().all(|label| source.is_drawn(label.span));
        if let (false, Some(label)) = (drawn, fault.labels.first()) {
            let (line, column) = source.source.position(label.span.start);
            let _ = write!(what, " (line {line}, column {column})");
        }
        let labels = fault.labels.iter().map(|label| {
            LabeledSpan::new_with_span(Some(escape::line(&label.text)), source.span(label.span))
        });
        Self {
            what,
            help: escape::line(&fault.help),
            labels: if drawn { labels.collect() } else { Vec::new() },
            source: (drawn && !fault.labels.is_empty()).then_some(&source.text),
        }
    }
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.what)
    }
}

impl fmt::Debug for Drawing<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.what)
    }
}

impl std::error::Error for Drawing<'_> {}

impl miette::Diagnostic for Drawing<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
