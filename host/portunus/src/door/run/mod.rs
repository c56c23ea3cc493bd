//! `portunus run`: a virtual machine of our own, with the device in it.

mod console_device;

pub use console_device::ConsoleDevice;
