//! Which plugin answers a port, and that it is the one that was meant.
//!
//! Owns how a plugin is named and pinned, and the one place that reads its
//! file: what is compared with `sha256` is what is loaded. Leaves WebAssembly
//! to the [`PluginLoader`].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sha2::{Digest as _, Sha256};
use toml::de::DeValue;

use super::diagnose::Diagnostic;
use super::limits::{Limit, LimitSpec};
use super::quantity::{ByteSize, Count, Quantity};
use super::source::{Located, read_at_most};
use super::value::{Invalid, Unfit, Value, from_text, nearest};

/// A plugin that is part of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bundled {
    /// Shares a guest's clipboard.
    Clipboard,
    /// Sends back what comes.
    Echo,
    /// Writes lines to a file.
    Log,
    /// Connects the guest to one address.
    Relay,
    /// Shares and guards a QEMU guest agent.
    Agent,
}

impl Bundled {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Agent,
        Self::Clipboard,
        Self::Echo,
        Self::Log,
        Self::Relay,
    ];

    /// The name by which a configuration calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clipboard => "clipboard",
            Self::Echo => "echo",
            Self::Log => "log",
            Self::Relay => "relay",
            Self::Agent => "agent",
        }
    }
}

impl fmt::Display for Bundled {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Where a port's plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PluginSource {
    /// It is part of this program.
    Bundled(Bundled),
    /// A file: as the configuration writes it, but no longer relative to the
    /// configuration's directory.
    File(PathBuf),
}

/// What has a slash or ends in `.wasm` is a file; any other word is a name.
impl FromStr for PluginSource {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.contains('\0') {
            return Err(Invalid::new(
                "has a NUL character",
                "no path has one: remove it",
            ));
        }
        if text.contains('/') || text.ends_with(".wasm") {
            return Ok(Self::File(text.into()));
        }
        let bundled = Bundled::ALL
            .into_iter()
            .find(|bundled| bundled.name() == text);
        bundled.map(Self::Bundled).ok_or_else(|| {
            let names = Bundled::ALL.map(Bundled::name).join("`, `");
            let near = nearest(text, &Bundled::ALL.map(Bundled::name));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    format!("bundled are `{names}`; a file is written with a slash: `./{text}`")
                }
            };
            Invalid::new("names no bundled plugin", help)
        })
    }
}

impl fmt::Display for PluginSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled(bundled) => bundled.fmt(out),
            Self::File(path) => path.display().fmt(out),
        }
    }
}

/// The SHA-256 of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl FromStr for Digest {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = || {
            let help = "write the 64 hexadecimal digits that `sha256sum` prints";
            Invalid::new("is no SHA-256", help)
        };
        let mut digest = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != digest.len() || !rest.is_empty() {
            return Err(wrong());
        }
        for (byte, pair) in digest.iter_mut().zip(pairs) {
            let digits = str::from_utf8(pair)
                .ok()
                .filter(|_| pair.iter().all(u8::is_ascii_hexdigit));
            let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            *byte = value.ok_or_else(wrong)?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// A plugin's component, ready to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginBytes<'a> {
    /// The loader has it.
    Bundled(Bundled),
    /// What the file holds.
    File(&'a [u8]),
}

/// What a plugin has as soon as it starts: less than that no limit may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PluginNeeds {
    /// Bytes of linear memory.
    pub memory_bytes: u64,
    /// Elements of tables.
    pub table_elements: u64,
}

/// Makes a component of a plugin's bytes and keeps it for the ports.
pub trait PluginLoader {
    /// Loads one plugin, and tells what it needs; called once for each source.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, each as the end of a sentence that
    /// begins with the plugin: "is a core module, not a component".
    fn load(
        &mut self,
        source: &PluginSource,
        component: PluginBytes<'_>,
    ) -> Result<PluginNeeds, Vec<Invalid>>;

    /// Where compiled code is kept, which no plugin may write.
    fn code_folder(&self) -> Option<&Path> {
        None
    }
}

/// Takes any plugin and loads none.
pub struct LoadNothing;

impl PluginLoader for LoadNothing {
    fn load(&mut self, _: &PluginSource, _: PluginBytes<'_>) -> Result<PluginNeeds, Vec<Invalid>> {
        Ok(PluginNeeds::default())
    }
}

/// One port's word on its plugin.
#[derive(Clone, Debug)]
pub(crate) struct PluginUse {
    pub(crate) source: Located<PluginSource>,
    pub(crate) sha256: Option<Located<Digest>>,
    pub(crate) limit: LimitSpec,
}

impl PluginUse {
    /// What is said where this port's limit is less than its plugin needs.
    fn check(&self, limit: Limit, needs: Quantity, verb: &str) -> Option<Diagnostic> {
        let allowed = self.limit.value(limit).filter(|most| *most < needs)?;
        let (plugin, name) = (&self.source.value, limit.name());
        let what = format!("plugin `{plugin}` {verb} {needs}, and `limit.{name}` is {allowed}");
        let fault = Diagnostic::new(what).help(format!("give `limit.{name}` at least as much"));
        Some(match self.limit.given(limit) {
            Some(given) => fault.at(given.span, "too little"),
            None => fault.at(self.source.span, "used here, with the default"),
        })
    }
}

/// Reads, compares and loads every plugin that is used, each once.
pub(crate) fn load_all(uses: &[PluginUse], loader: &mut dyn PluginLoader) -> Vec<Diagnostic> {
    let sources: BTreeSet<&PluginSource> = uses.iter().map(|used| &used.source.value).collect();
    let mut faults = Vec::new();
    for source in sources {
        let same: Vec<_> = uses
            .iter()
            .filter(|used| used.source.value == *source)
            .collect();
        faults.extend(load_one(source, &same, loader));
    }
    faults
}

fn load_one(
    source: &PluginSource,
    uses: &[&PluginUse],
    loader: &mut dyn PluginLoader,
) -> Vec<Diagnostic> {
    let at_each = |what: String, help: &str| {
        let places = uses.iter().map(|used| used.source.span);
        let fault = Diagnostic::new(format!("plugin `{source}` {what}")).help(help);
        vec![places.fold(fault, |fault, span| fault.at(span, "used here"))]
    };
    let file;
    let component = match source {
        PluginSource::Bundled(bundled) => PluginBytes::Bundled(*bundled),
        PluginSource::File(path) => match read_plugin(path, largest_allowed(uses)) {
            Err(Invalid { what, help }) => return at_each(what, &help),
            Ok(bytes) => {
                file = bytes;
                let mut wrong = wrong_digests(uses, Digest::of(&file));
                let size = ByteSize::from_bytes(u64::try_from(file.len()).unwrap_or(u64::MAX));
                wrong.extend(too_little(
                    uses,
                    Limit::Component,
                    Quantity::Size(size),
                    "has",
                ));
                if !wrong.is_empty() {
                    // It is another plugin: what it holds says nothing.
                    return wrong;
                }
                PluginBytes::File(&file)
            }
        },
    };
    match loader.load(source, component) {
        Ok(needs) => {
            let memory = Quantity::Size(ByteSize::from_bytes(needs.memory_bytes));
            let tables = Quantity::Count(Count(needs.table_elements));
            let memory = too_little(uses, Limit::Memory, memory, "begins with");
            let tables = too_little(uses, Limit::TableElements, tables, "begins with");
            memory.chain(tables).collect()
        }
        Err(found) => found
            .into_iter()
            .flat_map(|Invalid { what, help }| at_each(what, &help))
            .collect(),
    }
}

/// The size that a plugin's file may have, by the most generous of its ports.
fn largest_allowed(uses: &[&PluginUse]) -> u64 {
    let allowed = uses
        .iter()
        .filter_map(|used| used.limit.number(Limit::Component));
    allowed.max().unwrap_or_default()
}

/// The faults of ports whose limit is less than their plugin needs.
fn too_little(
    uses: &[&PluginUse],
    limit: Limit,
    needs: Quantity,
    verb: &str,
) -> impl Iterator<Item = Diagnostic> {
    uses.iter()
        .filter_map(move |used| used.check(limit, needs, verb))
}

fn wrong_digests(uses: &[&PluginUse], digest: Digest) -> Vec<Diagnostic> {
    let pins = uses
        .iter()
        .filter_map(|used| Some((used, used.sha256.as_ref()?)));
    let wrong = pins.filter(|(_, pinned)| pinned.value != digest);
    wrong
        .map(|(used, pinned)| {
            Diagnostic::new(format!(
                "plugin `{}` is not the one that is pinned",
                used.source.value
            ))
            .at(pinned.span, "not the file's")
            .help(format!(
                "the file has {digest}: find out why, then correct one of them"
            ))
        })
        .collect()
}

fn read_plugin(path: &Path, most_bytes: u64) -> Result<Vec<u8>, Invalid> {
    // Opening a pipe would wait for its writer.
    let readable = path
        .metadata()
        .and_then(|metadata| match metadata.is_file() {
            true => read_at_most(path, most_bytes),
            false => Err(io::ErrorKind::InvalidInput.into()),
        });
    readable.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Invalid::new(
            "does not exist",
            "relative paths start from the configuration's directory",
        ),
        io::ErrorKind::InvalidInput => Invalid::new("is no file", "name the component itself"),
        io::ErrorKind::FileTooLarge => {
            let most = ByteSize::from_bytes(most_bytes);
            Invalid::new(
                format!("has more than {most}, its `limit.component`"),
                "strip it, build it optimised, or give it a larger `limit.component`",
            )
        }
        _ => Invalid::new(
            format!("cannot be read: {error}"),
            "check that you may read it",
        ),
    })
}

impl Value for PluginSource {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"log\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for Digest {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str =
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl JsonSchema for PluginSource {
    fn schema_name() -> Cow<'static, str> {
        "PluginSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A bundled plugin's name, or a file: what has a slash or ends in .wasm.",
            "type": "string",
            "anyOf": [{ "enum": Bundled::ALL.map(Bundled::name) }, { "pattern": "/|\\.wasm$" }]
        })
    }
}

impl JsonSchema for Digest {
    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A SHA-256 in hexadecimal.",
            "type": "string",
            "pattern": "^[0-9A-Fa-f]{64}$"
        })
    }
}

#[cfg(test)]
#[path = "plugin_tests.rs"]
mod tests;
