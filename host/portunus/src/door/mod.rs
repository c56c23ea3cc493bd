//! The doors: how a virtual machine's ports reach us.
//!
//! - [`run`]: a virtual machine of our own.
//! - [`serve`]: the device as a vhost-user back end for another VMM.
//!
//! `device` is what both do with their rings, and `descriptors` says how many open
//! files that takes.

mod descriptors;
mod device;
pub mod run;
pub mod serve;

pub use self::descriptors::TooFewDescriptors;
