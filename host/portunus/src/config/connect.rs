//! The targets that a port's table grants its plugin to connect to.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::diagnose::Diagnostic;
use super::fields::Fields;
use super::source::{Located, Source};
use super::value::{Invalid, Unfit, Value, from_text, one_line};
use crate::listener::MAX_PATH_BYTES;
use crate::session::Address;

/// Targets that one port may be granted: whoever needs more has several ports'
/// work in one plugin.
pub const MAX_TARGETS: usize = 16;

/// A target that a plugin may connect to.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ConnectGrantSpec {
    /// The name by which the plugin asks for it: at most 64 bytes.
    #[schemars(with = "String", length(min = 1, max = TargetName::MAX_BYTES))]
    pub name: Located<TargetName>,
    /// Where it is: a Unix socket that somebody listens on, `unix:run/broker.sock`
    /// (a relative path starts from the configuration's directory), or an address
    /// and a port, `tcp:127.0.0.1:5672`.
    #[schemars(with = "TargetAddress")]
    pub address: TargetAddress,
}

impl ConnectGrantSpec {
    /// Reads one of a grant's targets; reports what is wrong with it.
    pub(crate) fn read(mut target: Fields<'_>, source: &Source) -> Option<Self> {
        let name = target.require("name");
        let address = target.require::<TargetAddress>("address");
        let address = address.map(|found| found.map(|address| address.resolved(source)));
        if let Some(fault) = address.as_ref().and_then(too_long) {
            target.report(fault);
        }
        target.finish();
        Some(Self {
            name: name?,
            address: address?.value,
        })
    }
}

/// A plugin's word for a target: 1 to [`TargetName::MAX_BYTES`] bytes without
/// control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetName(String);

impl TargetName {
    /// The longest name, in bytes: as long as a machine's.
    pub const MAX_BYTES: usize = 64;
}

impl fmt::Display for TargetName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for TargetName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MAX_BYTES)?;
        Ok(Self(text.to_owned()))
    }
}

/// Where a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetAddress(pub Address);

impl TargetAddress {
    /// The address, whose path is no longer relative to the configuration's
    /// directory.
    fn resolved(self, source: &Source) -> Self {
        Self(match self.0 {
            Address::Unix(path) => Address::Unix(source.path_from_here(&path)),
            tcp @ Address::Tcp(_) => tcp,
        })
    }
}

fn too_long(address: &Located<TargetAddress>) -> Option<Diagnostic> {
    let Address::Unix(path) = &address.value.0 else {
        return None;
    };
    let bytes = Path::as_os_str(path).len();
    (bytes > MAX_PATH_BYTES).then(|| {
        Diagnostic::new(format!("the socket's path has {bytes} bytes"))
            .at(address.span, "too long")
            .help(format!(
                "write at most {MAX_PATH_BYTES} bytes: no Unix socket has a longer path"
            ))
    })
}

impl FromStr for TargetAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write `unix:` and a socket's path, or `tcp:`, an address and a port, like \
                    `tcp:127.0.0.1:5672`";
        match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() && !path.contains('\0') => {
                Ok(Self(Address::Unix(PathBuf::from(path))))
            }
            Some(("tcp", address)) => match address.parse::<SocketAddr>() {
                Ok(address) if address.port() != 0 => Ok(Self(Address::Tcp(address))),
                // What a name leads to is not the configuration's to say.
                _ => Err(Invalid::new("has no address and port in numbers", help)),
            },
            _ => Err(Invalid::new("is no target's address", help)),
        }
    }
}

impl Value for TargetName {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"broker\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for TargetAddress {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"unix:run/broker.sock\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl JsonSchema for TargetAddress {
    fn schema_name() -> Cow<'static, str> {
        "TargetAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a target is.",
            "type": "string",
            "pattern": "^(unix:.+|tcp:.+:[0-9]+)$",
            "examples": ["unix:run/broker.sock", "tcp:127.0.0.1:5672", "tcp:[::1]:5672"]
        })
    }
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
