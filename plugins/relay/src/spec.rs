//! What a port's `config` table says to this plugin.

use portunus_plugin_sdk::Start;
use serde::Deserialize;

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Spec {
    /// The target, by the name that the port's `grant.connect` gives it.
    pub(crate) target: String,
}

impl Spec {
    /// Reads the table. The error is one line that names the key.
    pub(crate) fn parse(start: &Start) -> Result<Self, String> {
        let spec: Self = start.config()?;
        if spec.target.is_empty() {
            return Err(
                "config.target: it is empty; name a target of the port's grant.connect".to_owned(),
            );
        }
        Ok(spec)
    }
}
