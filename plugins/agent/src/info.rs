//! What `guest-info` says: the agent's version, and which commands it has.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::elements::for_each;
use crate::figures::Figure;

/// Bytes of the list of commands past which a client's view of it is not made: it
/// is forty times what an agent of today says.
const MAX_VIEW_BYTES: usize = 128 << 10;

/// An agent, as it describes itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// Its version's three numbers, as far as it has them.
    pub version: [u32; 3],
    /// Which figures it can be asked for.
    pub figures: BTreeSet<Figure>,
}

#[derive(Deserialize)]
struct Received<'a> {
    #[serde(borrow)]
    version: &'a RawValue,
    #[serde(borrow)]
    supported_commands: &'a RawValue,
}

/// One of the agent's commands.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Supported {
    enabled: bool,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_response: Option<bool>,
}

#[derive(Serialize)]
struct View<'a> {
    version: &'a RawValue,
    supported_commands: Vec<Supported>,
}

impl Info {
    /// Reads what the agent returned; nothing where it is not what it should be.
    pub fn read(json: &str) -> Option<Self> {
        let received: Received<'_> = serde_json::from_str(json).ok()?;
        let mut figures = BTreeSet::new();
        let read = for_each(received.supported_commands.get(), |command: Supported| {
            let asks = |figure: &Figure| command.enabled && figure.command() == command.name;
            figures.extend(Figure::ALL.into_iter().find(asks));
        });
        let version = received.version.get();
        (read && version.starts_with('"')).then(|| Self {
            version: numbers(version.trim_matches('"')),
            figures,
        })
    }
}

/// The same for a client: what it may not ask is not enabled. Nothing where the
/// agent did not return what it should.
pub fn view(json: &str, may_ask: impl Fn(&str) -> bool) -> Option<String> {
    if json.len() > MAX_VIEW_BYTES {
        return None;
    }
    let received: Received<'_> = serde_json::from_str(json).ok()?;
    let mut supported_commands = Vec::new();
    let read = for_each(
        received.supported_commands.get(),
        |mut command: Supported| {
            command.enabled &= may_ask(&command.name);
            supported_commands.push(command);
        },
    );
    let version = received.version;
    let view = View {
        version,
        supported_commands,
    };
    read.then(|| serde_json::to_string(&view).ok()).flatten()
}

/// The numbers that a version begins with: `7.2.22 (Debian)`.
fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split(|letter: char| !letter.is_ascii_digit());
    let mut next = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    [next(), next(), next()]
}

#[cfg(test)]
#[path = "info_tests.rs"]
mod tests;
