//! What a configuration says: the types that it is parsed into, and that its
//! JSON Schema is made of.
//!
//! A field's documentation is what an editor shows for its key. `parse` walks
//! the same keys by hand, for the sake of its faults; a test keeps the two
//! together.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use portunus_device::layout::{MaxPorts, PortId, PortName};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json};
use toml::de::DeValue;

use super::connect::{ConnectGrantSpec, MAX_TARGETS};
use super::limits::LimitSpec;
use super::listen::{self, ListenSpec};
use super::names;
use super::plugin::{Digest, PluginSource};
use super::quantity::{Bounds, Count, TimeSpan};
use super::source::{Located, Span};
use super::value::{Invalid, Unfit, Value, from_text, one_line};
use super::vm::VmSpec;
use crate::session::{PastBudget, RestartPolicy};

/// What a virtual machine's ports do.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(title = "Portunus configuration", deny_unknown_fields)]
pub struct Spec {
    /// The virtio-serial device.
    #[schemars(default)]
    pub device: DeviceSpec,
    /// The virtual machine.
    #[schemars(default)]
    pub vm: VmSpec,
    /// Counters of all that happens, for Prometheus and other tools.
    #[schemars(default)]
    pub metrics: MetricsSpec,
    /// The ports, in the order in which they get their ids: consoles take 0
    /// first, other ports count from 1.
    #[schemars(rename = "port", length(min = 1))]
    pub ports: Vec<PortSpec>,
}

/// The virtio-serial device.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeviceSpec {
    /// How many ports the device has room for, port 0 with them. 31 if left
    /// out: a console and 30 others.
    #[schemars(default, schema_with = "names::max_ports_schema")]
    pub max_ports: Option<Located<MaxPorts>>,
}

impl DeviceSpec {
    /// How many ports the device has room for.
    pub fn max_ports(&self) -> MaxPorts {
        self.max_ports
            .as_ref()
            .map(|located| located.value)
            .unwrap_or_default()
    }
}

/// Counters of all that happens, for Prometheus and other tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MetricsSpec {
    /// The Unix socket where `GET /metrics` answers with OpenMetrics text: at
    /// most 107 bytes, for the user alone that the program runs as. A relative
    /// path starts from the configuration's directory. Nothing is served if
    /// left out.
    #[schemars(default, with = "String", length(min = 1))]
    pub socket: Option<Located<PathBuf>>,
}

/// One port, and the plugin that answers it.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortSpec {
    /// The port's number in its device, assigned by its place in the file.
    #[schemars(skip)]
    pub id: PortId,
    /// The name of the port in the guest's `/dev/virtio-ports`: at most 127
    /// bytes without control characters and slashes.
    #[schemars(schema_with = "names::port_name_schema")]
    pub name: Located<PortName>,
    /// Whether the guest sees a console (`/dev/hvc0` for the first) and not a
    /// plain port. A console's bytes are dropped, and counted, where its
    /// plugin is slower than the guest.
    #[schemars(default)]
    pub console: bool,
    /// The plugin that answers: a bundled one's name, or the path of a
    /// component. What has a slash or ends in `.wasm` is a path.
    pub plugin: Located<PluginSource>,
    /// The SHA-256 that the plugin's file must have, in hexadecimal.
    #[schemars(default, with = "Digest")]
    pub sha256: Option<Digest>,
    /// Where host programs connect to the port. Nowhere if left out.
    #[schemars(default, schema_with = "listen::schema")]
    pub listen: Option<ListenSpec>,
    /// What the plugin is told, as it is. What may stand here, its own
    /// documentation says.
    #[schemars(default, with = "Map<String, Json>")]
    pub config: PluginConfig,
    /// What the plugin may reach beyond its port. Nothing if left out.
    #[schemars(default)]
    pub grant: GrantSpec,
    /// What the port and its plugin may use up.
    #[schemars(default)]
    pub limit: LimitSpec,
    /// How often a plugin that fails is started again, and what becomes of the
    /// port after that.
    #[schemars(default)]
    pub restart: RestartSpec,
}

/// A port's `config` table as its plugin gets it, and where it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginConfig {
    /// The table as a JSON object. Dates and times are strings.
    pub json: Map<String, Json>,
    /// The table in the file: what to underline when the plugin refuses it.
    /// Nothing where it is left out.
    pub place: Option<Span>,
}

/// What a plugin may reach beyond its port.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GrantSpec {
    /// Directories of the host, with all that is in them.
    #[schemars(default, length(max = MAX_DIRS))]
    pub dirs: Vec<DirGrantSpec>,
    /// Targets that the plugin may connect to, by names of its own.
    #[schemars(default, length(max = MAX_TARGETS))]
    pub connect: Vec<ConnectGrantSpec>,
}

/// Directories that one port may be granted: each is an open file of the host
/// for each of the port's instances.
pub const MAX_DIRS: usize = 16;

/// One directory of the host that a plugin sees.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DirGrantSpec {
    /// Where the directory is on the host. A relative path starts from the
    /// configuration's directory.
    #[schemars(with = "String", length(min = 1))]
    pub host: Located<PathBuf>,
    /// The path by which the plugin sees it: `/logs`.
    pub guest: Located<GuestPath>,
    /// What the plugin may do there. `read` if left out.
    #[schemars(default)]
    pub access: Access,
}

/// A path as a plugin sees it: absolute, without `.` and `..`, at most
/// [`GuestPath::MAX_BYTES`] bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestPath(String);

impl GuestPath {
    /// The longest path, in bytes: what Linux allows for one name.
    pub const MAX_BYTES: usize = 255;

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a plugin may do in a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Access {
    /// Read and list.
    #[default]
    Read,
    /// Read, list, create, change and remove.
    Write,
}

/// How often a plugin that fails is started again, and what becomes of the port
/// after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct RestartSpec {
    /// How many failures within `within` are answered by a new instance, 0 to
    /// 100. 10 if left out.
    #[schemars(with = "u32", range(min = 0, max = 100))]
    pub budget: Count,
    /// The time in which failures are counted together, 1s to 60m. 10m if left
    /// out.
    pub within: TimeSpan,
    /// What follows when the budget is used up. `close` if left out.
    pub then: PastBudget,
}

impl RestartSpec {
    /// What `budget` may be.
    pub const BUDGET: Bounds<Count> = Bounds {
        least: Count(0),
        most: Count(100),
        reason: "none is a policy too, and whoever needs more has a plugin to mend",
    };

    /// What `within` may be.
    pub const WITHIN: Bounds<TimeSpan> = Bounds {
        least: TimeSpan::from_ms(1_000),
        most: TimeSpan::from_ms(3_600_000),
        reason: "a failure that is an hour old says nothing of the next",
    };
}

impl Default for RestartSpec {
    fn default() -> Self {
        let RestartPolicy {
            budget,
            within,
            then,
        } = RestartPolicy::default();
        Self {
            budget: Count(u64::try_from(budget).unwrap_or(u64::MAX)),
            within: TimeSpan::new(within),
            then,
        }
    }
}

impl From<&RestartSpec> for RestartPolicy {
    fn from(spec: &RestartSpec) -> Self {
        Self {
            budget: usize::try_from(spec.budget.0).unwrap_or(usize::MAX),
            within: spec.within.duration(),
            then: spec.then,
        }
    }
}

impl FromStr for GuestPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some(relative) = text.strip_prefix('/') else {
            return Err(Invalid::new(
                "is no absolute path",
                format!("write `/{text}`"),
            ));
        };
        one_line(text, Self::MAX_BYTES)?;
        if relative.split('/').any(|part| matches!(part, "." | "..")) {
            Err(Invalid::new(
                "has `.` or `..` in it",
                "write the path that it leads to",
            ))
        } else if relative.contains("//") || relative.starts_with('/') || relative.ends_with('/') {
            Err(Invalid::new(
                "has an empty part",
                "write one slash between two parts, none at the end",
            ))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Value for GuestPath {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"/logs\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for PathBuf {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"logs\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, |text| match text.contains('\0') {
            true => Err(Invalid::new(
                "has a NUL character",
                "no path has one: remove it",
            )),
            false => Ok(Self::from(text)),
        })
    }
}

impl Value for Access {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"read\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, |text| match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            _ => Err(Invalid::new(
                "is no kind of access",
                "write `read` or `write`",
            )),
        })
    }
}

impl Value for PastBudget {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"close\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, |text| match text {
            "close" => Ok(Self::Close),
            "drain" => Ok(Self::Drain),
            "stop-vm" => Ok(Self::StopVm),
            _ => Err(Invalid::new(
                "is no policy",
                "write `close`, `drain` or `stop-vm`",
            )),
        })
    }
}

impl JsonSchema for GuestPath {
    fn schema_name() -> Cow<'static, str> {
        "GuestPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An absolute path without `.` and `..`.",
            "type": "string",
            "maxLength": Self::MAX_BYTES,
            "pattern": "^/",
            "examples": ["/logs"]
        })
    }
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
