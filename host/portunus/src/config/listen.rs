//! Where host programs connect to a port: its socket, who may connect, and what
//! clients may use up.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::diagnose::Diagnostic;
use super::fields::{Fields, Short};
use super::limits::{Limit, LimitSpec};
use super::quantity::{Bounds, ByteSize, Count};
use super::socket;
use super::socket_owner::{GroupId, SocketMode, UserId};
use super::source::{Located, Source, Span};
use super::value::{Invalid, Unfit, Value, from_text};

/// Where host programs connect to a port. They become channels of its plugin.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ListenSpec {
    /// The Unix socket that is made: at most 107 bytes. A relative path starts
    /// from the configuration's directory. Either this or `fd` is there.
    #[schemars(default, with = "String", length(min = 1))]
    pub path: Option<Located<PathBuf>>,
    /// A listening Unix socket that the service manager passes in (`LISTEN_FDS`),
    /// by its name there (`LISTEN_FDNAMES`), which is `FileDescriptorName=` of a
    /// systemd socket unit.
    #[schemars(default, with = "String", length(min = 1, max = FdName::MAX_BYTES))]
    pub fd: Option<Located<FdName>>,
    /// The permissions of the socket that is made: whoever may write there may
    /// connect. `0600` if left out, the user alone that the program runs as.
    #[schemars(default)]
    pub mode: SocketMode,
    /// The user, by name or number, that the socket is given to. The program's
    /// own if left out.
    #[schemars(default, with = "String", length(min = 1))]
    pub owner: Option<UserId>,
    /// The group, by name or number, that the socket is given to. The program's
    /// own if left out.
    #[schemars(default, with = "String", length(min = 1))]
    pub group: Option<GroupId>,
    /// How many clients are connected at once, 1 to 1024. 16 if left out. One
    /// more is let go at once.
    #[schemars(
        default = "ListenSpec::default_clients",
        with = "u32",
        range(min = 1, max = 1024)
    )]
    pub clients: Count,
    /// Bytes that may wait at each client, each way: 4KiB to 16MiB, 64KiB if left
    /// out.
    #[schemars(default = "ListenSpec::default_buffer")]
    pub buffer: ByteSize,
    /// What to underline when the socket cannot be made.
    #[schemars(skip)]
    pub place: Span,
}

impl ListenSpec {
    /// What `clients` may be.
    pub const CLIENTS: Bounds<Count> = Bounds {
        least: Count(1),
        most: Count(1024),
        reason: "nobody listens for nobody, and each turn looks at all",
    };

    /// 16: a service's tools and a person or two, while 127 ports of them still
    /// have descriptors.
    pub const DEFAULT_CLIENTS: Count = Count(16);

    /// What `buffer` may be.
    pub const BUFFER: Bounds<ByteSize> = Bounds {
        least: ByteSize::from_bytes(4 << 10),
        most: ByteSize::from_bytes(16 << 20),
        reason: "one page, and what a host can spare for one client",
    };

    /// One full delivery of `on-data`, so that a plugin that answers byte for
    /// byte need not keep any of it.
    pub const DEFAULT_BUFFER: ByteSize = ByteSize::from_bytes(64 << 10);

    fn default_clients() -> Count {
        Self::DEFAULT_CLIENTS
    }

    fn default_buffer() -> ByteSize {
        Self::DEFAULT_BUFFER
    }

    /// A socket of which nothing is said but where it is.
    fn at(place: Span) -> Self {
        Self {
            path: None,
            fd: None,
            mode: SocketMode::default(),
            owner: None,
            group: None,
            clients: Self::DEFAULT_CLIENTS,
            buffer: Self::DEFAULT_BUFFER,
            place,
        }
    }

    /// Reads the key of a port; reports what is wrong with it.
    pub(crate) fn read(port: &mut Fields<'_>, source: &Source, limit: &LimitSpec) -> Option<Self> {
        let spec = match port.value_or_table::<PathBuf>("listen")? {
            Short::Value(path) => Self {
                path: Some(source.located_from_here(path.clone())),
                ..Self::at(path.span)
            },
            Short::Table(table) => Self::from_table(table, source, limit)?,
        };
        if let Some(fault) = spec.path.as_ref().and_then(socket::fault) {
            port.report(fault);
        }
        Some(spec)
    }

    fn from_table(mut table: Fields<'_>, source: &Source, limit: &LimitSpec) -> Option<Self> {
        let defaults = Self::at(table.place());
        let path = table
            .take("path")
            .map(|path| source.located_from_here(path));
        let fd = table.take::<FdName>("fd");
        let mode = table.take::<SocketMode>("mode");
        let owner = table.take::<UserId>("owner");
        let group = table.take::<GroupId>("group");
        let clients = table.take_within("clients", &Self::CLIENTS);
        let buffer = table.take_within("buffer", &Self::BUFFER);
        if let (Some(clients), Some(channels)) = (&clients, limit.number(Limit::Channels))
            && clients.value.0 > channels
        {
            let what = format!("{} can never be reached", table.name("clients"));
            let at = format!("more than all channels together, whose limit is {channels}");
            let fault = Diagnostic::new(what).at(clients.span, at);
            table.report(fault.help("give `limit.channels` at least as much, or less here"));
        }
        let given = (table.has("path"), table.has("fd"));
        if given.0 == given.1 {
            report_one_of_two(&table, given.0);
        }
        let made = [
            ("mode", mode.as_ref().map(|mode| mode.span)),
            ("owner", owner.as_ref().map(|owner| owner.span)),
            ("group", group.as_ref().map(|group| group.span)),
        ];
        for (key, span) in made {
            if let (Some(span), (_, true)) = (span, given) {
                let what = format!("{} is of a socket that is made", table.name(key));
                let fault = Diagnostic::new(what).at(span, "the one of `fd` is there already");
                table.report(fault.help("remove it, and say it to the service manager"));
            }
        }
        table.finish();
        let spec = Self {
            mode: mode.map_or(defaults.mode, |mode| mode.value),
            owner: owner.map(|owner| owner.value),
            group: group.map(|group| group.value),
            clients: clients.map_or(defaults.clients, |clients| clients.value),
            buffer: buffer.map_or(defaults.buffer, |buffer| buffer.value),
            path,
            fd,
            ..defaults
        };
        // What is neither has been reported.
        (spec.path.is_some() || spec.fd.is_some()).then_some(spec)
    }
}

fn report_one_of_two(table: &Fields<'_>, both: bool) {
    let (what, help) = match both {
        true => ("has both `path` and `fd`", "remove one of them"),
        false => (
            "does not say where",
            "add `path = \"run/port.sock\"`, or `fd` for a socket that is passed in",
        ),
    };
    let fault = Diagnostic::new(format!("`listen` {what}")).at(table.place(), "this table");
    table.report(fault.help(help));
}

/// Reports each socket that is named twice, by two ports or by the metrics.
pub(crate) fn report_shared<'s>(
    file: &Fields<'_>,
    metrics: Option<&'s Located<PathBuf>>,
    listens: impl Iterator<Item = &'s ListenSpec>,
) {
    let mut paths: BTreeMap<PathBuf, Span> = BTreeMap::new();
    let mut names: BTreeMap<&str, Span> = BTreeMap::new();
    if let Some(socket) = metrics {
        paths.insert(resolved(&socket.value), socket.span);
    }
    for listen in listens {
        let (shown, span, first) = match (&listen.path, &listen.fd) {
            (Some(path), _) => {
                let first = paths.get(&resolved(&path.value)).copied();
                paths.entry(resolved(&path.value)).or_insert(path.span);
                (path.value.display().to_string(), path.span, first)
            }
            (None, Some(fd)) => {
                let first = names.get(fd.value.as_str()).copied();
                names.entry(fd.value.as_str()).or_insert(fd.span);
                (fd.value.to_string(), fd.span, first)
            }
            (None, None) => continue,
        };
        if let Some(first) = first {
            file.report(
                Diagnostic::new(format!("the socket `{shown}` is taken twice"))
                    .at(span, "taken again here")
                    .at(first, "first taken here")
                    .help("give each its own: whoever connects there reaches one of them"),
            );
        }
    }
}

/// A path with the links of its directory resolved.
fn resolved(path: &Path) -> PathBuf {
    let directory = path.parent().and_then(|parent| parent.canonicalize().ok());
    match (directory, path.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

/// What the schema has for the key: a path alone, or a table.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let table = generator.subschema_for::<ListenSpec>();
    json_schema!({
        "description": "Where host programs connect to the port, if they may: a Unix socket's path, \
                        or a table that says more. Each becomes a channel of the plugin.",
        "anyOf": [{ "type": "string", "minLength": 1 }, table]
    })
}

/// The name of a socket that is passed in: what systemd allows
/// (`sd_listen_fds_with_names(3)`), at most [`FdName::MAX_BYTES`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FdName(String);

impl FdName {
    /// The longest name, in bytes: `sd_listen_fds_with_names(3)`.
    pub const MAX_BYTES: usize = 255;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FdName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for FdName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = |c: char| (' '..='~').contains(&c) && c != ':';
        if text.len() > Self::MAX_BYTES || !text.chars().all(fits) {
            let help =
                "write what FileDescriptorName= of the socket's unit says: ASCII without `:`";
            return Err(Invalid::new("is no name of a passed socket", help));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for FdName {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"agent\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
