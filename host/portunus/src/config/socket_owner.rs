//! Whom a socket belongs to, and who may use it.

use std::borrow::Cow;
use std::str::FromStr;

use nix::unistd::{Gid, Group, Uid, User};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::value::{Invalid, Unfit, Value, from_text};

/// The permissions of a socket: `0660`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketMode(u32);

impl SocketMode {
    /// The permission bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// Whoever reaches a port's socket reaches its guest: nobody else, unless it is
/// said.
impl Default for SocketMode {
    fn default() -> Self {
        Self(0o600)
    }
}

impl FromStr for SocketMode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let bits = u32::from_str_radix(text, 8).ok().filter(|_| digits);
        match bits {
            Some(bits) if bits & 0o222 == 0 => Err(Invalid::new(
                "lets nobody connect",
                "give write permission, as in `0660`",
            )),
            Some(bits @ ..=0o777) => Ok(Self(bits)),
            _ => Err(Invalid::new(
                "is no mode",
                "write three octal digits as chmod has them, like `0660`",
            )),
        }
    }
}

/// A user of this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserId(pub u32);

/// A group of this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupId(pub u32);

/// Makes an id of a number, or of a name that the system knows.
fn id_of(
    text: &str,
    kind: &str,
    look_up: impl FnOnce(&str) -> nix::Result<Option<u32>>,
) -> Result<u32, Invalid> {
    let help = format!("write the name or the number of a {kind} that this system has");
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // The last number means "leave it" to chown(2).
        let id = text.parse().ok().filter(|id| *id != u32::MAX);
        return id.ok_or_else(|| Invalid::new(format!("is no {kind}'s number"), help));
    }
    match look_up(text) {
        Ok(Some(id)) => Ok(id),
        Ok(None) => Err(Invalid::new(
            format!("names no {kind} of this system"),
            help,
        )),
        Err(error) => Err(Invalid::new(format!("cannot be looked up: {error}"), help)),
    }
}

impl FromStr for UserId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let look_up = |name: &str| Ok(User::from_name(name)?.map(|user| Uid::as_raw(user.uid)));
        id_of(text, "user", look_up).map(Self)
    }
}

impl FromStr for GroupId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let look_up = |name: &str| Ok(Group::from_name(name)?.map(|group| Gid::as_raw(group.gid)));
        id_of(text, "group", look_up).map(Self)
    }
}

impl Value for SocketMode {
    const WANTED: &'static str = "a string with octal digits";
    const EXAMPLE: &'static str = "\"0660\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for UserId {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"libvirt-qemu\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl Value for GroupId {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"kvm\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, str::parse)
    }
}

impl JsonSchema for SocketMode {
    fn schema_name() -> Cow<'static, str> {
        "SocketMode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Permissions in octal digits.",
            "type": "string",
            "pattern": "^0*[0-7]{1,3}$",
            "examples": ["0660"]
        })
    }
}
