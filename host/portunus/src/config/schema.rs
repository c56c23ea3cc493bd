//! The configuration's JSON Schema, for editors and other tools.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};

use super::spec::Spec;

/// The schema of a configuration (JSON Schema, draft 2020-12), from the types
/// that it is parsed into. Bounds that JSON Schema has no word for, and whether
/// files are there, only [`super::load`] checks.
pub fn schema() -> Schema {
    SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<Spec>()
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
