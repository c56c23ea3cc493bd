//! The plugin author's side of Portunus's contract, `wit/port.wit`.
//!
//! A plugin answers one virtio-serial port of one virtual machine. It is a
//! type that implements [`Plugin`], and one line that exports it:
//!
//! ```
//! use portunus_plugin_sdk::{Channel, Plugin, Start, plugin};
//!
//! struct Echo;
//!
//! impl Plugin for Echo {
//!     fn new(start: Start) -> Result<Self, String> {
//!         start.no_config()?;
//!         Ok(Echo)
//!     }
//!
//!     fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
//!         channel.send(data).unwrap_or(data.len())
//!     }
//!
//!     fn on_writable(&mut self, channel: Channel) {
//!         channel.resume();
//!     }
//! }
//!
//! plugin!(Echo);
//! ```
//!
//! What a plugin does not care about it does not write. Nothing that it can
//! call blocks. `docs/PLUGINS.md` is the guide; [`testing`] is the host for
//! tests that run without one.

#[doc(hidden)]
pub mod bindings;
mod channel;
mod config;
#[doc(hidden)]
pub mod export;
mod host;
pub mod lifecycle;
mod lines;
pub mod log;
pub mod metrics;
mod outbox;
mod plugin;
mod size;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod timer;

pub use bindings::portunus::port::channel::{ConnectError, SendError};
pub use bindings::portunus::port::timer::TimerError;
pub use bindings::portunus::port::types::{Client, CloseReason, OpenReason, Peer, PortInfo};
pub use channel::Channel;
pub use config::check_range;
pub use lines::{Line, Lines, Unfinished};
pub use outbox::Outbox;
pub use plugin::{Plugin, Start};
pub use size::ByteSize;

/// Exports a type that implements [`Plugin`] as this component's answer to
/// `portunus:port/handler`. Once in a crate, which must be a `cdylib`.
///
/// The one macro of this crate: the symbols that the component model looks for
/// must be defined in the plugin's own crate, which no function can do.
/// Natively, for tests, it exports nothing.
#[macro_export]
macro_rules! plugin {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::export::Exported<$plugin>;
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: ::core::marker::PhantomData<$crate::export::Exported<$plugin>> =
            ::core::marker::PhantomData;
    };
}
