//! What a port's `config` table says to this plugin, parsed once into values
//! that can be used as they are.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use portunus_plugin_sdk::{ByteSize, Start, check_range};
use serde::Deserialize;

use crate::kinds::{ContentType, Selection, TypeSet};

/// The upper bound is what the protocol's own applications copy, with room to
/// spare: 64 MiB are an image of 4,096 by 4,096 points without compression.
const MAX_SIZE: RangeInclusive<ByteSize> = ByteSize::from_bytes(1)..=ByteSize::from_mib(64);
/// Transfers in a minute. At least one, or the direction were off; at most a
/// hundred in a second, which no person does.
const RATE: RangeInclusive<u32> = 1..=6000;
/// A person needs some time, and an application that pastes does not wait longer.
const ASK_TIME: RangeInclusive<Span> =
    Span(Duration::from_secs(1))..=Span(Duration::from_secs(600));
/// Shorter than that nothing could be pasted, and longer is for ever.
const CLEAR_AFTER: RangeInclusive<Span> =
    Span(Duration::from_secs(1))..=Span(Duration::from_secs(24 * 60 * 60));

/// Where content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    GuestToHost,
    HostToGuest,
}

impl Way {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::GuestToHost => "guest-to-host",
            Self::HostToGuest => "host-to-guest",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where content may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    #[default]
    Off,
    GuestToHost,
    HostToGuest,
    Both,
}

impl Direction {
    pub(crate) fn has(self, way: Way) -> bool {
        match self {
            Self::Off => false,
            Self::GuestToHost => way == Way::GuestToHost,
            Self::HostToGuest => way == Way::HostToGuest,
            Self::Both => true,
        }
    }
}

/// A time as a person writes it: `"30s"`, `"5m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Self).map_err(|error| {
            serde::de::Error::custom(format!(
                "`{text}` is not a time ({error}): write one like \"30s\" or \"5m\""
            ))
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// The table as the user wrote it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    /// No default: what leaves a machine is said, not assumed.
    direction: Direction,
    #[serde(default)]
    types: Option<Vec<String>>,
    #[serde(default)]
    selections: Option<Vec<String>>,
    #[serde(default = "default_max_size")]
    max_size: ByteSize,
    #[serde(default = "default_rate")]
    rate: u32,
    #[serde(default)]
    ask: Direction,
    #[serde(default = "default_ask_time")]
    ask_time: Span,
    #[serde(default)]
    deciders: Option<Vec<u32>>,
    #[serde(default)]
    clear_after: Option<Span>,
}

// A few of them fit the memory that a port has by default.
fn default_max_size() -> ByteSize {
    ByteSize::from_mib(1)
}

// One in a second, and a minute's worth at once.
fn default_rate() -> u32 {
    60
}

fn default_ask_time() -> Span {
    Span(Duration::from_secs(30))
}

/// What may be shared, and who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    /// Where content may go.
    pub(crate) direction: Direction,
    /// As what.
    pub(crate) types: TypeSet,
    /// Which selections are shared: each at most once.
    pub(crate) selections: Vec<Selection>,
    /// The largest content, in bytes.
    pub(crate) max_bytes: u64,
    /// How many transfers there may be in a minute, each way.
    pub(crate) rate_per_minute: u32,
    /// Which of them a client is asked about.
    pub(crate) ask: Direction,
    /// How long it has to answer.
    pub(crate) ask_time: Duration,
    /// The user ids of those who may decide; everyone's if there is no list.
    pub(crate) deciders: Option<Vec<u32>>,
    /// After how long what is offered is forgotten.
    pub(crate) clear_after: Option<Duration>,
}

impl Spec {
    /// Reads the table. The error is one line that names the key.
    pub(crate) fn parse(start: &Start) -> Result<Self, String> {
        let table: Table = start.config()?;
        check_range("max-size", table.max_size, MAX_SIZE)?;
        check_range("rate", table.rate, RATE)?;
        check_range("ask-time", table.ask_time, ASK_TIME)?;
        if let Some(clear_after) = table.clear_after {
            check_range("clear-after", clear_after, CLEAR_AFTER)?;
        }
        let text = [ContentType::Text.mime().to_owned()];
        let types = named(
            "types",
            table.types.as_deref().unwrap_or(&text),
            ContentType::from_mime,
            &ContentType::ALL.map(ContentType::mime),
        )?;
        let clipboard = [Selection::Clipboard.name().to_owned()];
        let mut selections = named(
            "selections",
            table.selections.as_deref().unwrap_or(&clipboard),
            Selection::from_name,
            &Selection::ALL.map(Selection::name),
        )?;
        selections.sort_unstable();
        selections.dedup();
        Ok(Self {
            direction: table.direction,
            types: types.into_iter().collect(),
            selections,
            max_bytes: table.max_size.bytes(),
            rate_per_minute: table.rate,
            ask: table.ask,
            ask_time: table.ask_time.0,
            deciders: table.deciders,
            clear_after: table.clear_after.map(|span| span.0),
        })
    }
}

fn named<T>(
    key: &str,
    names: &[String],
    find: impl Fn(&str) -> Option<T>,
    known: &[&str],
) -> Result<Vec<T>, String> {
    let found = names.iter().map(|name| {
        let known = known.join("`, `");
        find(name).ok_or(format!("config.{key}: `{name}` is none of `{known}`"))
    });
    let found: Vec<T> = found.collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(format!(
            "config.{key}: names nothing; for no clipboard at all write `direction = \"off\"`"
        ));
    }
    Ok(found)
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
