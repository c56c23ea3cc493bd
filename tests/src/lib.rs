//! What the whole-system tests share.

pub mod device;
pub mod guest;
