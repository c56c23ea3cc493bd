//! What is generated from `wit/port.wit`: the types of the contract, and the
//! typed calls of a plugin's `handler`.
//!
//! The host's half of the contract is written by hand, in `imports`, so that
//! bytes and strings are read in the plugin's memory and never copied first.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "generated code: its words are those of wit/port.wit"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "plugin",
    exports: { default: async },
    additional_derives: [PartialEq, Eq],
});
