//! Finds every syntax error of a file, not only the first.
//!
//! `toml` recovers from an error, but not always at the next line: a key
//! without a value ends its table tree, and a bracket that is never closed
//! makes an error of every line after it. So the statement that holds the
//! first error is blanked and the rest parsed again, until nothing is wrong.
//! What is left keeps its offsets and is TOML, so that the walk can look for
//! the other faults in the same answer.

use toml::de::DeTable;

use super::diagnose::Diagnostic;
use super::scan::{Line, lines, statement, table_end, unclosed_text, value_end};
use super::source::Span;
use super::value::QUOTED;

/// Statements that are blanked before we give up: a file with more that are
/// wrong is not TOML, and each costs another parse of the whole.
const MAX_BLANKED: usize = 20;

/// A file's text without its broken statements.
pub(crate) struct Recovered {
    /// The text, as long as it was: broken statements are spaces.
    pub(crate) text: String,
    /// What was wrong with them.
    pub(crate) faults: Vec<Diagnostic>,
    /// What was blanked. Something missing there may have been said.
    pub(crate) blanked: Vec<Span>,
    /// Whether `text` is TOML now.
    pub(crate) is_toml: bool,
}

/// Finds the syntax errors of `text`, and what can be read in spite of them.
pub(crate) fn recover(text: &str) -> Recovered {
    let mut left = Recovered {
        text: text.to_owned(),
        faults: Vec::new(),
        blanked: Vec::new(),
        is_toml: true,
    };
    for _ in 0..MAX_BLANKED {
        let errors = errors(&left.text);
        let Some(first) = errors.first() else {
            return left;
        };
        let Some(place) = first.span else {
            left.faults.push(first.diagnostic(text));
            break;
        };
        let broken = Broken::around(&left.text, place);
        left.faults.push(broken.diagnostic(text, first));
        if broken.opener.is_none() {
            // Values that underline something are read one by one, so that an
            // error in one does not make one of the next.
            let is_own = |span: Span| {
                place.end <= span.start && span.start < span.end && span.end <= broken.region.end
            };
            let others = errors
                .iter()
                .skip(1)
                .filter(|error| error.span.is_some_and(is_own));
            left.faults
                .extend(others.map(|error| error.diagnostic(text)));
        }
        left.blanked.push(broken.region);
        if !blank(&mut left.text, broken.region) {
            break;
        }
    }
    left.is_toml = errors(&left.text).is_empty();
    if !left.is_toml {
        let help = "mend what is told here; the rest can only be read then";
        left.faults
            .push(Diagnostic::new("more of the file may be wrong").help(help));
    }
    left
}

struct SyntaxError {
    message: String,
    /// Nothing where the parser does not say.
    span: Option<Span>,
}

impl SyntaxError {
    fn diagnostic(&self, text: &str) -> Diagnostic {
        let (what, expected) = match self.message.split_once(", expected ") {
            Some((what, expected)) => (what, Some(expected)),
            None => (self.message.as_str(), None),
        };
        let written = self.span.and_then(|span| text.get(span.start..span.end));
        let written: String = written.unwrap_or_default().chars().take(QUOTED).collect();
        let help = match (what, expected) {
            ("string values must be quoted", _) if written.is_empty() => {
                "give the key a value: a string stands in quotes".to_owned()
            }
            ("string values must be quoted", _) => format!("write `\"{written}\"`"),
            ("key with no value", _) => "write `key = value`, and the key as one word".to_owned(),
            ("duplicate key", _) => "a table says each key once: remove one of them".to_owned(),
            (_, Some(expected)) => format!("expected here: {expected}"),
            (_, None) => "see https://toml.io for how values are written".to_owned(),
        };
        let fault = Diagnostic::new(format!("not TOML: {what}")).help(help);
        match self.span {
            Some(span) => fault.at(span, "here"),
            None => fault,
        }
    }
}

fn errors(text: &str) -> Vec<SyntaxError> {
    let (_, errors) = DeTable::parse_recoverable(text);
    let located = errors.iter().map(|error| SyntaxError {
        message: error.message().to_owned(),
        span: error.span().map(Span::from),
    });
    let mut located: Vec<_> = located.collect();
    located.sort_by_key(|error| error.span);
    located
}

/// The lines that an error spoils.
struct Broken {
    region: Span,
    /// Where a bracket or a string begins whose end is missing.
    opener: Option<(usize, &'static str)>,
}

impl Broken {
    fn at(region: Span) -> Self {
        Self {
            region,
            opener: None,
        }
    }

    fn around(text: &str, error: Span) -> Self {
        let line_of = |offset: usize| lines(text).take_while(move |line| line.span.start <= offset);
        if let Some(opener) = unclosed_text(text, error) {
            let start = line_of(opener.0)
                .last()
                .map_or(opener.0, |line| line.span.start);
            return Self {
                region: Span {
                    start,
                    end: text.len(),
                },
                opener: Some(opener),
            };
        }
        let mut before: Vec<_> = line_of(error.start).collect();
        let Some(line) = before.pop() else {
            return Self::at(error);
        };
        let table = before.iter().rev().take_while(|line| !line.is_header());
        let mut begun = table.filter(|line| line.is_statement());
        if let Some(broken) = begun.find_map(|begun| Self::open_value(text, begun, &line, error)) {
            broken
        } else if line.is_header() {
            // Whose keys the next lines hold is not known.
            Self::at(Span {
                start: line.span.start,
                end: table_end(text, line.span.end),
            })
        } else {
            Self::at(statement(text, line.span))
        }
    }

    /// The error's line where a value that began on an earlier one is open yet.
    fn open_value(text: &str, begun: &Line<'_>, line: &Line<'_>, error: Span) -> Option<Self> {
        let start = begun.span.start;
        let (offset, bracket) = value_end(text.get(start..line.span.start)?).err()?;
        let opener = Some((start.saturating_add(offset), bracket));
        // Neither a header nor the `key = ` of another statement stands in an
        // array. In a table they may, up to its end.
        if line.is_header() || (bracket == "[" && line.key_holds(error.start)) {
            return Some(Self {
                region: Span {
                    start,
                    end: line.span.start,
                },
                opener,
            });
        }
        let end = table_end(text, begun.span.end);
        Some(match value_end(text.get(start..end)?) {
            Ok(_) => Self::at(statement(text, begun.span)),
            Err(_) => Self {
                region: Span { start, end },
                opener,
            },
        })
    }

    fn diagnostic(&self, text: &str, error: &SyntaxError) -> Diagnostic {
        let Some((offset, opener)) = self.opener else {
            return error.diagnostic(text);
        };
        let closer = match opener {
            "[" => "]",
            "{" => "}",
            quotes => quotes,
        };
        let span = Span {
            start: offset,
            end: offset.saturating_add(opener.len()),
        };
        let help = match opener {
            "[" | "{" => format!("close it with `{closer}`, and put commas between its parts"),
            _ => format!("close it with `{closer}`"),
        };
        let what = format!("not TOML: a `{opener}` is still open where something else begins");
        let fault = Diagnostic::new(what).at(span, "opened here").help(help);
        match error.span {
            Some(span) => fault.at(span, "still open here"),
            None => fault,
        }
    }
}

/// Replaces a region by spaces. False where there was nothing but spaces.
fn blank(text: &mut String, region: Span) -> bool {
    let Some(old) = text.get(region.start..region.end) else {
        return false;
    };
    let changes = !old.trim().is_empty();
    let blank = |byte| {
        if matches!(byte, b'\n' | b'\r') {
            char::from(byte)
        } else {
            ' '
        }
    };
    let spaces: String = old.bytes().map(blank).collect();
    text.replace_range(region.start..region.end, &spaces);
    changes
}

#[cfg(test)]
#[path = "syntax_tests.rs"]
mod tests;
