//! A table of the configuration, taken apart key by key.
//!
//! Owns what is the same for every table: wrong types, missing keys, keys that
//! nobody asked for. What the keys mean is the walk's.

use std::cell::RefCell;
use std::fmt::Display;

use toml::de::{DeTable, DeValue};

use super::diagnose::Diagnostic;
use super::quantity::Bounds;
use super::scan;
use super::source::{Located, Span};
use super::syntax::Recovered;
use super::value::{Invalid, QUOTED, Unfit, Value, nearest, type_name};

/// The faults found so far, and what a walk must know to not report one twice.
/// Shared by all tables, since one is walked while the one around it still is.
pub(crate) struct Faults<'t> {
    found: RefCell<Vec<Diagnostic>>,
    recovered: &'t Recovered,
}

impl<'t> Faults<'t> {
    pub(crate) fn new(recovered: &'t Recovered) -> Self {
        Self {
            found: RefCell::default(),
            recovered,
        }
    }

    pub(crate) fn report(&self, fault: Diagnostic) {
        self.found.borrow_mut().push(fault);
    }

    pub(crate) fn into_vec(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }

    /// Whether a table, or the file where it is none, may have said more than
    /// can be read of it.
    fn is_damaged(&self, table: Option<Span>) -> bool {
        let text = &self.recovered.text;
        let (start, end) = match table {
            Some(table) => (table.start, scan::table_end(text, table.end)),
            None => (0, text.len()),
        };
        self.recovered
            .blanked
            .iter()
            .any(|blanked| blanked.start < end && blanked.end > start)
    }
}

/// What a key holds that may say its matter in one value, or in a table.
pub(crate) enum Short<'t, T> {
    Value(Located<T>),
    Table(Fields<'t>),
}

/// A table whose keys are being taken.
pub(crate) struct Fields<'t> {
    table: &'t DeTable<'t>,
    /// The table's header or braces; nothing for the file itself.
    span: Option<Span>,
    /// What comes before a key when a fault names it: "limit." or nothing.
    prefix: String,
    asked: Vec<&'static str>,
    /// Keys that must be there and are not, with what to do.
    missing: Vec<(&'static str, String)>,
    faults: &'t Faults<'t>,
}

impl<'t> Fields<'t> {
    pub(crate) fn new(table: &'t DeTable<'t>, faults: &'t Faults<'t>) -> Self {
        let prefix = String::new();
        Self {
            table,
            span: None,
            prefix,
            asked: Vec::new(),
            missing: Vec::new(),
            faults,
        }
    }

    fn nested(&self, table: &'t DeTable<'t>, span: Span, prefix: String) -> Self {
        Self {
            span: Some(span),
            prefix,
            ..Self::new(table, self.faults)
        }
    }

    /// The table's header or braces; the beginning of the file for the file.
    pub(crate) fn place(&self) -> Span {
        self.span.unwrap_or_default()
    }

    pub(crate) fn report(&self, fault: Diagnostic) {
        self.faults.report(fault);
    }

    /// A key's name as faults give it.
    pub(crate) fn name(&self, key: &str) -> String {
        format!("`{}{key}`", self.prefix)
    }

    /// The value of a key that may be left out.
    pub(crate) fn take<T: Value>(&mut self, key: &'static str) -> Option<Located<T>> {
        let (span, value) = self.raw(key)?;
        let fault = match T::read(value) {
            Ok(value) => return Some(Located { value, span }),
            Err(Unfit::Type) => self.wrong_type(key, (span, value), T::WANTED, T::EXAMPLE),
            Err(Unfit::Content(invalid)) => {
                Diagnostic::new(format!("{} {}", self.name(key), invalid.what))
                    .at(span, "here")
                    .help(invalid.help)
            }
        };
        self.report(fault);
        None
    }

    /// The value of a key that may be left out, where it is within its bounds.
    pub(crate) fn take_within<T: Value + PartialOrd + Display>(
        &mut self,
        key: &'static str,
        bounds: &Bounds<T>,
    ) -> Option<Located<T>> {
        let found = self.take::<T>(key)?;
        self.within(key, found, bounds)
    }

    /// A key's value, where it is within its bounds.
    pub(crate) fn within<T: PartialOrd + Display>(
        &self,
        key: &str,
        found: Located<T>,
        bounds: &Bounds<T>,
    ) -> Option<Located<T>> {
        let Err(Invalid { what, help }) = bounds.check(&found.value) else {
            return Some(found);
        };
        let what = format!("{} {what}", self.name(key));
        self.report(
            Diagnostic::new(what)
                .at(found.span, "out of bounds")
                .help(help),
        );
        None
    }

    /// The value of a key that must be there.
    pub(crate) fn require<T: Value>(&mut self, key: &'static str) -> Option<Located<T>> {
        if !self.table.contains_key(key) {
            let help = format!("add it, for example `{key} = {}`", T::EXAMPLE);
            self.missing.push((key, help));
        }
        self.take(key)
    }

    /// Whether the file gives this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The table that a key holds: its fields, to be taken in turn.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<Fields<'t>> {
        let (span, table) = self.raw_table(key)?;
        Some(self.nested(table, span, format!("{}{key}.", self.prefix)))
    }

    /// What a key holds that may be a value, or a table that says more.
    pub(crate) fn value_or_table<T: Value>(&mut self, key: &'static str) -> Option<Short<'t, T>> {
        let is_table = |value: &DeValue<'_>| value.as_table().is_some();
        match self
            .table
            .get(key)
            .is_some_and(|value| is_table(value.get_ref()))
        {
            true => self.table(key).map(Short::Table),
            false => self.take(key).map(Short::Value),
        }
    }

    /// The table that a key holds, as it is.
    pub(crate) fn raw_table(&mut self, key: &'static str) -> Option<(Span, &'t DeTable<'t>)> {
        let (span, value) = self.raw(key)?;
        let table = value.as_table();
        if table.is_none() {
            self.report(self.wrong_type(key, (span, value), "a table", "{ ... }"));
        }
        Some((span, table?))
    }

    /// The tables that a key holds: `[[key]]` headers, or an array of tables.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Fields<'t>> {
        let Some((span, value)) = self.raw(key) else {
            return Vec::new();
        };
        let Some(array) = value.as_array() else {
            self.report(self.not_tables(key, (span, value)));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for element in array {
            let span = element.span().into();
            match element.get_ref() {
                DeValue::Table(table) => tables.push(self.nested(table, span, String::new())),
                other => self.report(self.not_tables(key, (span, other))),
            }
        }
        tables
    }

    /// The tables that a key holds, one at least.
    pub(crate) fn require_tables(&mut self, key: &'static str) -> Vec<Fields<'t>> {
        let is_empty = |value: &DeValue<'_>| value.as_array().is_some_and(|array| array.is_empty());
        if self
            .table
            .get(key)
            .is_none_or(|value| is_empty(value.get_ref()))
        {
            self.missing
                .push((key, format!("begin one with `[[{key}]]`")));
        }
        self.tables(key)
    }

    /// Reports what is missing, and what nobody asked for.
    pub(crate) fn finish(self) {
        let mut meant = Vec::new();
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let near = nearest(name, &self.asked);
            let quoted: String = name.chars().take(QUOTED).collect();
            let known = self.asked.join("`, `");
            self.report(
                Diagnostic::new(format!(
                    "{} is not a key that this version knows",
                    self.name(&quoted)
                ))
                .at(key.span().into(), "not known here")
                .help(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys here are `{known}`"),
                }),
            );
            meant.extend(near);
        }
        if self.faults.is_damaged(self.span) {
            return;
        }
        for (key, help) in self.missing.iter().filter(|(key, _)| !meant.contains(key)) {
            let fault = Diagnostic::new(format!("{} is missing", self.name(key))).help(help);
            self.report(match self.span {
                Some(span) => fault.at(span, format!("has no `{key}`")),
                None => fault,
            });
        }
    }

    fn raw(&mut self, key: &'static str) -> Option<(Span, &'t DeValue<'t>)> {
        self.asked.push(key);
        let value = self.table.get(key)?;
        Some((value.span().into(), value.get_ref()))
    }

    fn not_tables(&self, key: &str, found: (Span, &DeValue<'_>)) -> Diagnostic {
        let help = format!("write a `[[{key}]]` for each, or `{key} = [{{ ... }}]`");
        self.wrong_type(key, found, "an array of tables", "")
            .help(help)
    }

    fn wrong_type(
        &self,
        key: &str,
        (span, value): (Span, &DeValue<'_>),
        wanted: &str,
        example: &str,
    ) -> Diagnostic {
        let found = type_name(value);
        Diagnostic::new(format!(
            "{} is {found}, but must be {wanted}",
            self.name(key)
        ))
        .at(span, format!("not {wanted}"))
        .help(format!("for example `{key} = {example}`"))
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
