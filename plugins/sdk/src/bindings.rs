//! What `wit/port.wit` says, as Rust: generated, and seen by this crate alone.
//! The names that plugins use are in the modules beside this one.

// The generator writes its own pointer arithmetic, and documents only what the
// contract documents.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    pub_export_macro: true,
    default_bindings_module: "portunus_plugin_sdk::bindings",
    additional_derives: [PartialEq],
});
