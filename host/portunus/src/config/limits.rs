//! The limits of a port: each with its name, its default, its bounds and their
//! reason, in one table. To add a limit, add its name and its entry here, and
//! hand it on in `launch`.
//!
//! What the configuration's schema says of a limit, what `check` has against a
//! value, and `docs/LIMITS.md` all come from the table.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use portunus_plugin::{Limits, MAX_COMPONENT_BYTES, MAX_CORE_INSTANCES, MAX_TABLE_ELEMENTS};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json};

use super::fields::Fields;
use super::quantity::{Bounds, ByteRate, ByteSize, Count, Quantity, TimeSpan};
use super::source::Located;
use crate::session::PortLimits;

/// A limit of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table says what each is")]
pub enum Limit {
    Memory,
    TableElements,
    Instances,
    Component,
    Cpu,
    Wall,
    Resources,
    HostCall,
    Random,
    LogBytes,
    LogRate,
    Output,
    Metrics,
    Timers,
    Outbox,
    Backlog,
    Rate,
}

/// One limit, as its user knows it.
#[derive(Clone, Copy, Debug)]
pub struct LimitEntry {
    /// Which one.
    pub limit: Limit,
    /// Its key in a port's `limit` table, and its name where it strikes.
    pub name: &'static str,
    /// What it bounds.
    pub what: &'static str,
    /// Its value where the table leaves it out.
    pub default: Preset,
    /// What it may be, and why.
    pub bounds: Bounds<Quantity>,
    /// What happens when it strikes.
    pub strikes: &'static str,
}

/// A limit's value where nobody gives it one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// This one.
    Is(Quantity),
    /// As much as another limit.
    SameAs(Limit),
    /// None: nothing is bounded.
    NoBound,
}

impl fmt::Display for Preset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(quantity) => quantity.fmt(out),
            Self::SameAs(limit) => write!(out, "as `{}`", limit.name()),
            Self::NoBound => out.write_str("no bound"),
        }
    }
}

/// What ends an instance, in the words of each limit that does.
const ENDS: &str = "the instance ends, and another takes its place";

const PLUGIN: Limits = Limits::DEFAULT;
const PORT: PortLimits = PortLimits::DEFAULT;

const fn size(bytes: u64) -> Quantity {
    Quantity::Size(ByteSize::from_bytes(bytes))
}

const fn count(count: u64) -> Quantity {
    Quantity::Count(Count(count))
}

const fn ms(time_ms: u64) -> Quantity {
    Quantity::Time(TimeSpan::from_ms(time_ms))
}

const fn rate(bytes: u64) -> Quantity {
    Quantity::Rate(ByteRate::from_bytes(bytes))
}

const fn bounds(least: Quantity, most: Quantity, reason: &'static str) -> Bounds<Quantity> {
    Bounds {
        least,
        most,
        reason,
    }
}

/// Every limit of a port.
pub static LIMITS: [LimitEntry; 17] = [
    LimitEntry {
        limit: Limit::Memory,
        name: "memory",
        what: "Linear memory of the plugin",
        default: Preset::Is(size(PLUGIN.memory_bytes)),
        bounds: bounds(
            size(64 << 10),
            size(4 << 30),
            "one page of WebAssembly's, and all that it can address",
        ),
        strikes: ENDS,
    },
    LimitEntry {
        limit: Limit::TableElements,
        name: "table-elements",
        what: "Elements of the plugin's tables, all together",
        default: Preset::Is(count(PLUGIN.table_elements)),
        bounds: bounds(
            count(1),
            count(MAX_TABLE_ELEMENTS as u64),
            "a plugin calls something, and the host has room for so many in a table",
        ),
        strikes: ENDS,
    },
    LimitEntry {
        limit: Limit::Instances,
        name: "instances",
        what: "Core modules that the plugin's component is linked of",
        default: Preset::Is(count(PLUGIN.instances)),
        bounds: bounds(
            count(1),
            count(MAX_CORE_INSTANCES as u64),
            "a component has one, and the host has room for so many, at 1 MiB at most for each",
        ),
        strikes: "the instance does not start",
    },
    LimitEntry {
        limit: Limit::Component,
        name: "component",
        what: "The plugin's file",
        default: Preset::Is(size(32 << 20)),
        bounds: bounds(
            size(1 << 10),
            size(MAX_COMPONENT_BYTES),
            "no component is smaller, and compiling takes memory and time by the byte",
        ),
        strikes: "`check` refuses the configuration, and nothing starts",
    },
    LimitEntry {
        limit: Limit::Cpu,
        name: "cpu",
        what: "Time computing in one call",
        default: Preset::Is(Quantity::Time(TimeSpan::new(PLUGIN.cpu))),
        bounds: CALL,
        strikes: ENDS,
    },
    LimitEntry {
        limit: Limit::Wall,
        name: "wall",
        what: "Time in one call altogether",
        default: Preset::Is(Quantity::Time(TimeSpan::new(PLUGIN.wall))),
        bounds: CALL,
        strikes: ENDS,
    },
    LimitEntry {
        limit: Limit::Resources,
        name: "resources",
        what: "Open files, streams and other WASI resources at once",
        default: Preset::Is(count(PLUGIN.resources)),
        bounds: bounds(
            count(8),
            count(4096),
            "the standard streams and a file, and each may hold a descriptor and 64 KiB of the host",
        ),
        strikes: ENDS,
    },
    LimitEntry {
        limit: Limit::HostCall,
        name: "host-call",
        what: "Bytes that the plugin hands to the host in one call: what it sends, writes to a \
               file, logs, returns from `save`",
        default: Preset::SameAs(Limit::Memory),
        bounds: bounds(
            size(64 << 10),
            size(4 << 30),
            "one delivery, and all that WebAssembly can address",
        ),
        strikes: ENDS,
    },
    LimitEntry {
        limit: Limit::Random,
        name: "random",
        what: "Random bytes in one request",
        default: Preset::Is(size(PLUGIN.random_bytes)),
        bounds: bounds(
            size(64),
            size(1 << 20),
            "a large key, and some milliseconds of the host's",
        ),
        strikes: ENDS,
    },
    LimitEntry {
        limit: Limit::LogBytes,
        name: "log-bytes",
        what: "One message in the host's log, or one printed line, as it is written",
        default: Preset::Is(size(PLUGIN.log_bytes)),
        bounds: bounds(
            size(256),
            size(64 << 10),
            "a line that says something, and one that readers of logs still take",
        ),
        strikes: "the message is cut, which it says, and counted",
    },
    LimitEntry {
        limit: Limit::LogRate,
        name: "log-rate",
        what: "Messages and printed lines in a second",
        default: Preset::Is(count(PLUGIN.log_rate)),
        bounds: bounds(
            count(1),
            count(10_000),
            "a plugin must be able to say why it fails, and a disk to keep up",
        ),
        strikes: "messages are dropped and counted; their number is logged a second later",
    },
    LimitEntry {
        limit: Limit::Output,
        name: "output",
        what: "Bytes printed between two looks of the host, on each of standard output and error",
        default: Preset::Is(size(PLUGIN.output_bytes)),
        bounds: bounds(
            size(1 << 10),
            size(1 << 20),
            "a panic's words, and what a host can spare for one port",
        ),
        strikes: "bytes are dropped and counted; their number is logged with the call",
    },
    LimitEntry {
        limit: Limit::Metrics,
        name: "metrics",
        what: "Names of the plugin's metrics",
        default: Preset::Is(count(PLUGIN.metrics)),
        bounds: bounds(
            count(1),
            count(1024),
            "each is kept, and shown, for as long as the port lives",
        ),
        strikes: "further names are ignored and counted; the first is logged",
    },
    LimitEntry {
        limit: Limit::Timers,
        name: "timers",
        what: "Timers that the plugin has set at once",
        default: Preset::Is(count(PORT.timers)),
        bounds: bounds(
            count(1),
            count(1024),
            "one is enough for a plugin with a list of its own, and each turn looks at all",
        ),
        strikes: "`timer.set` answers `too-many`; logged with a count, ever more rarely",
    },
    LimitEntry {
        limit: Limit::Outbox,
        name: "outbox",
        what: "Bytes that wait for the guest to read them",
        default: Preset::Is(size(PORT.outbox_bytes)),
        bounds: bounds(
            size(4 << 10),
            size(16 << 20),
            "one buffer of Linux's driver, and what a host can spare for one port",
        ),
        strikes: "`send` takes less, and `on-writable` follows; logged with a count, ever more rarely",
    },
    LimitEntry {
        limit: Limit::Backlog,
        name: "backlog",
        what: "Bytes of a console that wait for its plugin",
        default: Preset::Is(size(PORT.backlog_bytes)),
        bounds: bounds(
            size(4 << 10),
            size(16 << 20),
            "a screen of text, and what a host can spare for one port",
        ),
        strikes: "the console's bytes are dropped and counted; logged with a count, ever more rarely",
    },
    LimitEntry {
        limit: Limit::Rate,
        name: "rate",
        what: "Bytes in a second from the guest, and as many to it; a second's worth may come at once",
        default: Preset::NoBound,
        bounds: bounds(
            rate(1 << 10),
            rate(16 << 30),
            "slower than that nothing works, and faster than that no memory is copied",
        ),
        strikes: "bytes wait, the guest's in its ring and the plugin's in the outbox; a console's \
                  backlog fills; logged with a count, ever more rarely",
    },
];

/// What `cpu` and `wall` may be.
const CALL: Bounds<Quantity> = bounds(
    ms(1),
    ms(60_000),
    "time is counted in milliseconds, and a port that is in a call answers nothing else",
);

/// Limits that another one makes pointless where they are larger: which, by
/// which, and what that other one is.
const CEILINGS: [(Limit, Limit, &str); 3] = [
    (Limit::Cpu, Limit::Wall, "the whole call"),
    (Limit::Random, Limit::Memory, "all that the plugin has"),
    (Limit::LogBytes, Limit::Memory, "all that the plugin has"),
];

impl Limit {
    /// All that is to be known of it.
    pub fn entry(self) -> &'static LimitEntry {
        let entry = LIMITS.iter().find(|entry| entry.limit == self);
        entry.unwrap_or_else(|| unreachable!("each limit has an entry, which a test holds"))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.entry().name
    }
}

/// What a port and its plugin may use up: the limits that its table gives, and
/// the defaults of all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSpec {
    given: BTreeMap<Limit, Located<Quantity>>,
}

impl LimitSpec {
    /// A limit's value, in bytes, milliseconds or pieces. `None`: no bound.
    pub fn number(&self, limit: Limit) -> Option<u64> {
        self.value(limit).map(Quantity::number)
    }

    /// A limit's value, by the table or by default. `None`: no bound.
    pub fn value(&self, limit: Limit) -> Option<Quantity> {
        if let Some(given) = self.given(limit) {
            return Some(given.value);
        }
        match limit.entry().default {
            Preset::Is(quantity) => Some(quantity),
            Preset::SameAs(other) => self.value(other),
            Preset::NoBound => None,
        }
    }

    /// What the table says of a limit, if it does.
    pub fn given(&self, limit: Limit) -> Option<&Located<Quantity>> {
        self.given.get(&limit)
    }

    /// Reads a `limit` table; reports what is out of bounds.
    pub(crate) fn read(table: &mut Fields<'_>) -> Self {
        let read = |entry: &LimitEntry| {
            let found = take(table, entry)?;
            let found = table.within(entry.name, found, &entry.bounds)?;
            Some((entry.limit, found))
        };
        Self {
            given: LIMITS.iter().filter_map(read).collect(),
        }
    }

    /// Reports limits that can never strike, for reasons that the whole table
    /// has. What nobody wrote is nobody's mistake.
    pub(crate) fn report_pointless(&self, table: &Fields<'_>, console: bool) {
        for (limit, ceiling, all) in CEILINGS {
            let (Some(low), Some(high)) = (self.given(limit), self.value(ceiling)) else {
                continue;
            };
            if low.value.number() <= high.number() {
                continue;
            }
            let what = format!("{} can never be reached", table.name(limit.name()));
            let at = format!("more than {all}, whose limit is {high}");
            let help = format!("give `{}` at least as much, or less here", ceiling.name());
            let mut fault = super::Diagnostic::new(what).at(low.span, at).help(help);
            if let Some(high) = self.given(ceiling) {
                fault = fault.at(high.span, all);
            }
            table.report(fault);
        }
        if let Some(backlog) = self.given(Limit::Backlog).filter(|_| !console) {
            let what = format!("{} bounds nothing here", table.name("backlog"));
            let help =
                "remove it, or make the port a console: other ports' bytes wait in the guest";
            table.report(
                super::Diagnostic::new(what)
                    .at(backlog.span, "this port is no console")
                    .help(help),
            );
        }
    }
}

/// Takes a limit's key as what the limit is counted in.
fn take(table: &mut Fields<'_>, entry: &LimitEntry) -> Option<Located<Quantity>> {
    let name = entry.name;
    Some(match entry.bounds.least {
        Quantity::Size(_) => table.take::<ByteSize>(name)?.map(Quantity::Size),
        Quantity::Time(_) => table.take::<TimeSpan>(name)?.map(Quantity::Time),
        Quantity::Count(_) => table.take::<Count>(name)?.map(Quantity::Count),
        Quantity::Rate(_) => table.take::<ByteRate>(name)?.map(Quantity::Rate),
    })
}

impl LimitEntry {
    /// What an editor shows for the key.
    fn description(&self) -> String {
        let Bounds { least, most, .. } = &self.bounds;
        let (what, default) = (self.what, self.default);
        format!("{what}: {least} to {most}, {default} if left out.")
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = match (self.bounds.least, self.bounds.most) {
            (Quantity::Size(_), _) => generator.subschema_for::<ByteSize>(),
            (Quantity::Time(_), _) => generator.subschema_for::<TimeSpan>(),
            (Quantity::Rate(_), _) => generator.subschema_for::<ByteRate>(),
            (Quantity::Count(least), most) => {
                json_schema!({ "type": "integer", "minimum": least.0, "maximum": most.number() })
            }
        };
        schema.insert("description".to_owned(), self.description().into());
        schema
    }
}

impl JsonSchema for LimitSpec {
    fn schema_name() -> Cow<'static, str> {
        "LimitSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let properties: Map<String, Json> = LIMITS
            .iter()
            .map(|entry| (entry.name.to_owned(), entry.schema(generator).into()))
            .collect();
        json_schema!({
            "description": "What a port and its plugin may use up.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false
        })
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
