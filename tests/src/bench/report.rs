//! What was measured, beside its goal.

use std::fmt;

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Nothing: it explains others.
    None,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What it is compared with, in its own words: "native 1.2 µs".
    pub base: String,
    /// The thing itself, in the same words.
    pub measured: String,
    /// The figure, and what it counts.
    pub figure: f64,
    /// The figure's unit: empty for a ratio.
    pub unit: &'static str,
    /// What it should be.
    pub goal: Goal,
}

impl Goal {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
            Self::None => true,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(out, "at least {least}"),
            Self::AtMost(most) => write!(out, "at most {most}"),
            Self::None => Ok(()),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = format!("{:.2}{}", self.figure, self.unit);
        let verdict = match self.goal {
            Goal::None => "",
            goal if goal.is_met(self.figure) => "met",
            _ => "MISSED",
        };
        let (what, base, measured, goal) = (&self.what, &self.base, &self.measured, &self.goal);
        write!(
            out,
            "| {what:<48} | {base:>24} | {measured:>24} | {figure:>10} | {goal:>13} | {verdict:<6} |",
            goal = goal.to_string(),
        )
    }
}

/// The table's first two lines.
pub fn head() -> String {
    let (base, measured, figure) = ("beside", "measured", "figure");
    format!(
        "| {:<48} | {base:>24} | {measured:>24} | {figure:>10} | {:>13} |        |\n\
         | --- | --: | --: | --: | --: | --- |",
        "what", "goal",
    )
}

/// A time in the unit that suits it.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e4 => format!("{ns:.0} ns"),
        ns if ns < 1e7 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.1} ms", ns / 1e6),
    }
}
