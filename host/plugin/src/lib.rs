//! The Wasm runtime of Portunus: components, stores, grants and limits.
//!
//! A [`Loader`] makes a [`Component`] of a plugin's bytes, with code that is kept
//! in a [`CodeCache`] or that a [`Compiler`] makes now, and refuses, by name, what
//! cannot answer a port. An [`Instance`] is one store with one such component in it:
//! the host calls the plugin's `handler` functions, one at a time, and the
//! plugin's calls reach the instance's [`Host`]. A call ends well, or it is a
//! [`Fault`] that says which call, what happened, and which of the [`Limits`]
//! struck; after a fault only a new instance helps.
//!
//! This crate owns everything that knows WebAssembly, and leaves virtio, ports
//! and sessions, and when to start, restart and stop a plugin, to others. The
//! contract between host and plugin is `wit/port.wit`.

mod bindings;
mod call_clock;
mod code;
mod code_cache;
mod compiler;
mod component;
mod engine;
mod fault;
mod grants;
mod host;
mod imports;
mod instance;
mod journal;
mod limits;
mod listing;
mod load_error;
mod loader;
mod metric_names;
mod outlet;
mod output;
mod private_folder;
mod state;
mod ticker;
mod wasi;

pub use code_cache::{CodeCache, MAX_CACHE_BYTES};
pub use compiler::{ChildCompiler, CompileLimits, Compiler, compile_as_child};
pub use component::{Component, MAX_COMPONENT_BYTES};
pub use engine::{Engine, EngineError, MAX_INSTANCES, MAX_TABLE_ELEMENTS};
pub use fault::{Fault, FaultCause};
pub use grants::{Access, DirGrant, GrantError, Grants};
pub use host::{
    ChannelId, ChannelOrder, Client, CloseReason, ConnectError, Host, LogLevel, Measure,
    OpenReason, Peer, PortInfo, SendError, TimerError,
};
pub use instance::{Instance, MAX_DELIVERY_BYTES, MAX_SAVED_BYTES};
pub use limits::{LimitStruck, Limits, MAX_CORE_INSTANCES};
pub use load_error::LoadError;
pub use loader::Loader;
pub use metric_names::MAX_METRIC_NAME_BYTES;
pub use outlet::Losses;
pub use private_folder::FolderFault;
