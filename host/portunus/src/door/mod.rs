//! The doors: how a virtual machine's ports reach us.
//!
//! - [`serve`]: the device as a vhost-user back end for another VMM.

pub mod serve;
