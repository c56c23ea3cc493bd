//! Sizes and times, as the configuration writes them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::value::{Invalid, Unfit, Value, from_text};

const SIZE_UNITS: [(&str, u64); 4] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

const RATE_UNITS: [(&str, u64); 4] = [
    ("B/s", 1),
    ("KiB/s", 1 << 10),
    ("MiB/s", 1 << 20),
    ("GiB/s", 1 << 30),
];

const TIME_UNITS_MS: [(&str, u64); 3] = [("ms", 1), ("s", 1000), ("m", 60 * 1000)];

/// A number of bytes: `"4096"`, `"64KiB"`, `"10MiB"`, `"1GiB"`.
///
/// Whole numbers alone, and units of 1,024 alone: `kB` and `MB` mean different
/// things to different people, so they are refused with a word on what to
/// write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    /// A size in bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let units = "write a whole number and one of `B`, `KiB`, `MiB` and `GiB`, like `16MiB`";
        let (count, unit) = split_number(text).ok_or_else(|| Invalid::new("is no size", units))?;
        let unit = if unit.is_empty() { "B" } else { unit };
        let bytes = scale(count, unit, &SIZE_UNITS).map_err(|problem| match problem {
            Problem::TooLarge => Invalid::new("is more than there is memory", units),
            Problem::Unit => Invalid::new(format!("has the unit `{unit}`, not known here"), units),
        })?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, &SIZE_UNITS, out)
    }
}

/// A number of bytes in a second: `"64KiB/s"`, `"8MiB/s"`. Whole numbers alone,
/// and units of 1,024 alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteRate(u64);

impl ByteRate {
    /// A rate in bytes a second.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The rate in bytes a second.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteRate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let units =
            "write a whole number and one of `B/s`, `KiB/s`, `MiB/s` and `GiB/s`, like `8MiB/s`";
        let (count, unit) = split_number(text).ok_or_else(|| Invalid::new("is no rate", units))?;
        let bytes = scale(count, unit, &RATE_UNITS).map_err(|problem| match problem {
            Problem::TooLarge => Invalid::new("is faster than anything is", units),
            Problem::Unit if unit.is_empty() => Invalid::new("has no unit", units),
            Problem::Unit => Invalid::new(format!("has the unit `{unit}`, not known here"), units),
        })?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, &RATE_UNITS, out)
    }
}

/// A number of things: `64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// How much of something, whatever it is counted in. Only two of the same kind
/// can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Bytes.
    Size(ByteSize),
    /// Time.
    Time(TimeSpan),
    /// Things.
    Count(Count),
    /// Bytes in a second.
    Rate(ByteRate),
}

impl Quantity {
    /// The number alone: of bytes, milliseconds, things, or bytes in a second.
    pub fn number(self) -> u64 {
        match self {
            Self::Size(size) => size.bytes(),
            Self::Time(time) => time.ms(),
            Self::Count(Count(count)) => count,
            Self::Rate(rate) => rate.bytes(),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => size.fmt(out),
            Self::Time(time) => time.fmt(out),
            Self::Count(count) => count.fmt(out),
            Self::Rate(rate) => rate.fmt(out),
        }
    }
}

/// A span of time: `"50ms"`, `"5s"`, `"1m"`. Whole numbers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeSpan(Duration);

impl TimeSpan {
    /// A time in milliseconds.
    pub const fn from_ms(time_ms: u64) -> Self {
        Self(Duration::from_millis(time_ms))
    }

    /// A time.
    pub const fn new(time: Duration) -> Self {
        Self(time)
    }

    /// The time.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The time in milliseconds.
    pub fn ms(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for TimeSpan {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let units = "write a whole number and one of `ms`, `s` and `m`, like `50ms`";
        let (count, unit) = split_number(text).ok_or_else(|| Invalid::new("is no time", units))?;
        let time_ms = scale(count, unit, &TIME_UNITS_MS).map_err(|problem| match problem {
            Problem::TooLarge => Invalid::new("is longer than anything lasts", units),
            Problem::Unit if unit.is_empty() => Invalid::new("has no unit", units),
            Problem::Unit => Invalid::new(format!("has the unit `{unit}`, not known here"), units),
        })?;
        Ok(Self::from_ms(time_ms))
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.ms(), &TIME_UNITS_MS, out)
    }
}

/// The least and the most that a quantity may be, and why.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<T> {
    /// The smallest value that is allowed.
    pub least: T,
    /// The largest value that is allowed.
    pub most: T,
    /// Why these: shown to whoever goes past them.
    pub reason: &'static str,
}

impl<T: PartialOrd + fmt::Display> Bounds<T> {
    /// Checks a value.
    ///
    /// # Errors
    ///
    /// Which bound it is past, and why that is one.
    pub fn check(&self, value: &T) -> Result<(), Invalid> {
        if (&self.least..=&self.most).contains(&value) {
            return Ok(());
        }
        let (past, bound) = match value < &self.least {
            true => ("less", &self.least),
            false => ("more", &self.most),
        };
        Err(Invalid::new(
            format!("is {value}, {past} than the {bound} allowed"),
            format!("write {} to {}: {}", self.least, self.most, self.reason),
        ))
    }
}

enum Problem {
    TooLarge,
    Unit,
}

/// A number and what follows it. A number too large for 64 bits is one still.
fn split_number(text: &str) -> Option<(Option<u64>, &str)> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (count, unit) = text.split_at_checked(digits)?;
    (!count.is_empty()).then(|| (count.parse().ok(), unit.trim_start_matches(' ')))
}

fn scale(count: Option<u64>, unit: &str, units: &[(&str, u64)]) -> Result<u64, Problem> {
    let (_, factor) = units
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(Problem::Unit)?;
    count
        .and_then(|count| count.checked_mul(*factor))
        .ok_or(Problem::TooLarge)
}

/// Writes a value with the largest unit that leaves it whole.
fn show(value: u64, units: &[(&str, u64)], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let whole = |&&(_, factor): &&(&str, u64)| value >= factor && value.is_multiple_of(factor);
    match units.iter().rev().find(whole).or(units.first()) {
        Some((unit, factor)) => {
            write!(
                out,
                "{}{unit}",
                value.checked_div(*factor).unwrap_or_default()
            )
        }
        None => write!(out, "{value}"),
    }
}

impl Value for ByteSize {
    const WANTED: &'static str = "a string with a size";
    const EXAMPLE: &'static str = "\"16MiB\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for TimeSpan {
    const WANTED: &'static str = "a string with a time";
    const EXAMPLE: &'static str = "\"50ms\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for ByteRate {
    const WANTED: &'static str = "a string with a rate";
    const EXAMPLE: &'static str = "\"8MiB/s\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for Count {
    const WANTED: &'static str = "an integer";
    const EXAMPLE: &'static str = "64";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        let integer = value.as_integer().ok_or(Unfit::Type)?;
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(count) => Ok(Self(count)),
            Err(_) => Err(Unfit::Content(Invalid::new(
                format!("is {integer}"),
                "write a whole number, and a smaller one",
            ))),
        }
    }
}

impl JsonSchema for ByteRate {
    fn schema_name() -> Cow<'static, str> {
        "ByteRate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes in a second, in units of 1,024.",
            "type": "string",
            "pattern": "^[0-9]+ *(B|KiB|MiB|GiB)/s$",
            "examples": ["64KiB/s", "8MiB/s"]
        })
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes, in units of 1,024.",
            "type": "string",
            "pattern": "^[0-9]+ *(B|KiB|MiB|GiB)?$",
            "examples": ["4096", "64KiB", "16MiB", "1GiB"]
        })
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A span of time.",
            "type": "string",
            "pattern": "^[0-9]+ *(ms|s|m)$",
            "examples": ["50ms", "5s", "1m"]
        })
    }
}

#[cfg(test)]
#[path = "quantity_tests.rs"]
mod tests;
