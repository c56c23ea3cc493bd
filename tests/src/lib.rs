//! What the whole-system tests share.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fixture that panics is a test that failed"
)]

pub mod device;
pub mod guest;
pub mod program;
