//! `portunus run`: a virtual machine of our own, with the device in it.
//!
//! `command` is the way from a configuration's path to the machine's end, and
//! `ending` how it stops. `machine` has the machine as tasks use it, `consoles` what
//! its serial port and hvc0 are connected to: `terminal`, by `console_port` where
//! that is a port. `console_device` is the device as the machine's bus drives it,
//! and `fault` says why there is no machine, or how it ended.

mod command;
mod console_device;
mod console_port;
mod consoles;
mod ending;
mod fault;
mod machine;
mod terminal;

pub use self::command::run;
pub use self::console_device::ConsoleDevice;
pub use self::fault::RunFault;
pub(crate) use self::terminal::{RESTORE, restore_terminal};
