//! x
pub mod guest;
