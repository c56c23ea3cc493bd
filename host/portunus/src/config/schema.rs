//! The configuration's JSON Schema, for editors and other tools.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value as Json;

use super::spec::Spec;

/// The schema of a configuration (JSON Schema, draft 2020-12), from the types
/// that it is parsed into. Bounds that JSON Schema has no word for, and whether
/// files are there, only [`super::load`] checks.
pub fn schema() -> Schema {
    let generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let mut schema = generator.into_root_schema_for::<Spec>();
    RecursiveTransform(unwrap_description).transform(&mut schema);
    schema
}

/// Makes one line of a description whose lines are those of our source code.
fn unwrap_description(schema: &mut Schema) {
    if let Some(Json::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
