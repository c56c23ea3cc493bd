//! Lines, statements and brackets of a text that may not be TOML.
//!
//! Guesses, from how people lay out a file, where a statement begins and ends
//! although it cannot be parsed. Only broken files are looked at this way.

use super::source::Span;

/// One line, with its end.
pub(crate) struct Line<'a> {
    text: &'a str,
    pub(crate) span: Span,
}

impl Line<'_> {
    /// Whether this looks like `[table]` or `[[table]]`, finished or not.
    pub(crate) fn is_header(&self) -> bool {
        let line = self.without_comment();
        line.starts_with('[')
            && line
                .chars()
                .all(|c| is_key_character(c) || matches!(c, '[' | ']'))
    }

    /// Whether this looks like `key = ...` or a header.
    pub(crate) fn is_statement(&self) -> bool {
        self.is_header() || self.equals_sign().is_some()
    }

    /// Whether `offset` is in the key of `key = ...`, or at its equals sign.
    pub(crate) fn key_holds(&self, offset: usize) -> bool {
        self.equals_sign().is_some_and(|equals| offset <= equals)
    }

    fn equals_sign(&self) -> Option<usize> {
        let (key, _) = self.text.split_once('=')?;
        let is_key = !key.trim().is_empty() && key.chars().all(is_key_character);
        is_key.then(|| self.span.start.saturating_add(key.len()))
    }

    fn without_comment(&self) -> &str {
        self.text.split('#').next().unwrap_or_default().trim()
    }
}

fn is_key_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '"' | '\'' | ' ' | '\t')
}

pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.split_inclusive('\n').scan(0_usize, |start, line| {
        let span = Span {
            start: *start,
            end: start.saturating_add(line.len()),
        };
        *start = span.end;
        Some(Line { text: line, span })
    })
}

/// The offset of the first table header after `offset`, or the text's end: how
/// far a table reaches that begins before it.
pub(crate) fn table_end(text: &str, offset: usize) -> usize {
    let next = lines(text).find(|line| line.span.start >= offset && line.is_header());
    next.map_or(text.len(), |line| line.span.start)
}

/// The lines of the statement that begins with `first`: all of its value where
/// that ends before the next table, and else up to the next statement.
pub(crate) fn statement(text: &str, first: Span) -> Span {
    let table = text
        .get(first.start..table_end(text, first.end))
        .unwrap_or_default();
    let mut following = lines(table).skip(1);
    let next = match value_end(table) {
        Ok(end) => following.find(|line| line.span.start >= end),
        Err(_) => following.find(Line::is_statement),
    };
    let length = next.map_or(table.len(), |line| line.span.start);
    Span {
        start: first.start,
        end: first.start.saturating_add(length),
    }
}

/// The string of several lines that an error at the end of the text is about.
pub(crate) fn unclosed_text(text: &str, error: Span) -> Option<(usize, &'static str)> {
    let at_end = error.start >= text.trim_end().len();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| at_end && !rest.is_empty()) {
        at = match token(rest) {
            Token::Unclosed(quotes) => return Some((at, quotes)),
            token => at.saturating_add(token.length()),
        };
    }
    None
}

/// Where the statement ends that `text` begins with: behind its first line, or
/// the last bracket that it opens. The innermost one that stays open, if any.
pub(crate) fn value_end(text: &str) -> Result<usize, (usize, &'static str)> {
    let mut open: Vec<(usize, &'static str)> = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let token = token(rest);
        match token {
            Token::Opens(bracket) => open.push((at, bracket)),
            Token::Closes => drop(open.pop()),
            Token::LineEnd if open.is_empty() => break,
            Token::LineEnd | Token::Text(_) => {}
            Token::Unclosed(quotes) => return Err((at, quotes)),
        }
        at = at.saturating_add(token.length());
    }
    open.pop().map_or(Ok(at), Err)
}

enum Token {
    Opens(&'static str),
    Closes,
    LineEnd,
    /// Bytes that open and close nothing.
    Text(usize),
    /// A string that does not end.
    Unclosed(&'static str),
}

impl Token {
    fn length(&self) -> usize {
        match self {
            Self::Opens(_) | Self::Closes | Self::LineEnd => 1,
            Self::Text(length) => *length,
            Self::Unclosed(quotes) => quotes.len(),
        }
    }
}

fn token(text: &str) -> Token {
    for quotes in ["\"\"\"", "'''", "\"", "'"] {
        if let Some(inside) = text.strip_prefix(quotes) {
            return string(inside, quotes);
        }
    }
    match text.chars().next() {
        Some('[') => Token::Opens("["),
        Some('{') => Token::Opens("{"),
        Some(']' | '}') => Token::Closes,
        Some('\n') => Token::LineEnd,
        Some('#') => Token::Text(text.find('\n').unwrap_or(text.len())),
        other => Token::Text(other.map_or(0, char::len_utf8)),
    }
}

/// A string from behind its opening quotes. One of a single line ends there at
/// the latest: that is an error of its own, and its line's.
fn string(inside: &str, quotes: &'static str) -> Token {
    let escapes = quotes.starts_with('"');
    let mut escaped = false;
    for (index, character) in inside.char_indices() {
        let rest = inside.get(index..).unwrap_or_default();
        if !escaped && rest.starts_with(quotes) {
            return Token::Text(index.saturating_add(quotes.len().saturating_mul(2)));
        }
        if quotes.len() == 1 && character == '\n' {
            return Token::Text(index.saturating_add(1));
        }
        escaped = escapes && !escaped && character == '\\';
    }
    match quotes.len() {
        1 => Token::Text(inside.len().saturating_add(1)),
        _ => Token::Unclosed(quotes),
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
