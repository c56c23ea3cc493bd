//! Names and numbers of devices, machines and ports.
//!
//! Owns how the configuration writes them. What a port's name and a device's
//! size may be is the device's to say.

use std::fmt;
use std::str::FromStr;

use portunus_device::layout::{MaxPorts, PortName};
use schemars::{Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::value::{Invalid, Unfit, Value, from_text, one_line};

/// A virtual machine's name, which stands in every log line: 1 to
/// [`VmName::MAX_BYTES`] bytes without control characters and slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VmName(String);

impl VmName {
    /// The longest name, in bytes: what plugins are promised.
    pub const MAX_BYTES: usize = 64;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a machine whose configuration gives none, nor is a file.
impl Default for VmName {
    fn default() -> Self {
        Self("vm".to_owned())
    }
}

impl FromStr for VmName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("is empty", "write a name"));
        }
        one_line(text, Self::MAX_BYTES)?;
        if text.contains('/') {
            return Err(Invalid::new(
                "has a slash",
                "leave it out: a machine's files are named after it",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VmName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Value for VmName {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"web-1\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for PortName {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"org.example.port.0\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, |text| {
            let help = format!("write, for example, {}", Self::EXAMPLE);
            text.parse()
                .map_err(|error| Invalid::new(format!("is no port's name: {error}"), help))
        })
    }
}

impl Value for MaxPorts {
    const WANTED: &'static str = "an integer";
    const EXAMPLE: &'static str = "31";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        let integer = value.as_integer().ok_or(Unfit::Type)?;
        let count = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        count.and_then(Self::new).ok_or_else(|| {
            let help = format!(
                "write 1 to {}: virtio numbers its queues in 16 bits",
                Self::LIMIT
            );
            Unfit::Content(Invalid::new(format!("is {integer}"), help))
        })
    }
}

/// The pattern of both kinds of name. Their length is counted in bytes, which
/// JSON Schema cannot say: it is a bound for the characters here.
const NAME_PATTERN: &str = "^[^/\\u0000-\\u001f\\u007f-\\u009f]+$";

pub(crate) fn vm_name_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": VmName::MAX_BYTES, "pattern": NAME_PATTERN })
}

pub(crate) fn port_name_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": PortName::MAX_BYTES,
        "pattern": NAME_PATTERN,
        "examples": ["org.qemu.guest_agent.0"]
    })
}

pub(crate) fn max_ports_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "integer",
        "minimum": 1,
        "maximum": MaxPorts::LIMIT.get(),
        "default": MaxPorts::default().get()
    })
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
