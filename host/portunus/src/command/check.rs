//! `portunus check`: is this configuration fine?

use std::path::Path;

use anyhow::Context;
use serde_json::json;

use super::{Failure, print};
use crate::config;
use crate::plugins::Plugins;

/// The form of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ReportFormat {
    /// For people: drawn.
    #[default]
    Text,
    /// For tools: one JSON object.
    Json,
}

pub(super) fn run(path: &Path, format: ReportFormat, mut plugins: Plugins) -> Result<(), Failure> {
    match (config::load_with_machine(path, &mut plugins), format) {
        (Ok(loaded), ReportFormat::Text) => {
            let count = loaded.spec.ports.len();
            let noun = if count == 1 { "port" } else { "ports" };
            Ok(print(&format!(
                "{} is fine: {count} {noun}",
                path.display()
            ))?)
        }
        (Ok(loaded), ReportFormat::Json) => {
            let ports = loaded.spec.ports.iter().map(|port| {
                let plugin = port.plugin.value.to_string();
                json!({ "id": port.id.get(), "name": port.name.as_str(), "console": port.console, "plugin": plugin })
            });
            let ports: Vec<_> = ports.collect();
            let file = path.display().to_string();
            Ok(print(
                &json!({ "file": file, "ok": true, "faults": [], "omitted": 0, "ports": ports })
                    .to_string(),
            )?)
        }
        (Err(faults), ReportFormat::Text) => Err(Failure::Configuration(faults)),
        (Err(faults), ReportFormat::Json) => {
            let report =
                serde_json::to_string(&faults.report()).context("cannot write the report")?;
            print(&report)?;
            Err(Failure::Told)
        }
    }
}
