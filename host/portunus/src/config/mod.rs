//! The configuration: one TOML file that says what a virtual machine's ports do.
//!
//! [`load`] reads a file into a [`Spec`], or says everything that is wrong with
//! it in one answer. Owns what the file may say and how its faults are told.
//! Leaves what the words mean, beyond that files and directories are there, to
//! the sessions that are made of it.
//!
//! In the order of the work: `source` reads the file, `syntax` (by `scan`)
//! finds what is not TOML, `fields` and `parse` walk its tables (`listen`, by `socket`
//! and `socket_owner`, and `connect` those of a port's channels), `plugin` reads the
//! plugins, `diagnose` and `render` tell the faults. `spec`, `limits`, `names` and
//! `quantity` are what comes out, and `schema` describes it to editors.

mod code_folder;
mod connect;
mod diagnose;
mod fields;
mod json;
mod limits;
mod listen;
mod names;
mod number;
mod parse;
mod plugin;
mod quantity;
mod render;
mod scan;
mod schema;
mod socket;
mod socket_owner;
mod source;
mod spec;
mod syntax;
mod value;

use std::path::Path;
use std::sync::Arc;

pub use connect::{ConnectGrantSpec, MAX_TARGETS, TargetAddress, TargetName};
pub use diagnose::{
    Diagnostic, Diagnostics, Label, MAX_REPORTED, Report, ReportedFault, ReportedLabel,
};
pub use limits::{LIMITS, Limit, LimitEntry, LimitSpec, Preset};
pub use listen::{FdName, ListenSpec};
pub use names::VmName;
pub use plugin::{
    Bundled, Digest, LoadNothing, PluginBytes, PluginLoader, PluginNeeds, PluginSource,
};
pub use quantity::{Bounds, ByteRate, ByteSize, Count, Quantity, TimeSpan};
pub use render::Style;
pub use schema::schema;
pub use socket::SocketPathFault;
pub(crate) use socket::path_fault;
pub use socket_owner::{GroupId, SocketMode, UserId};
pub use source::{Located, MAX_SOURCE_SIZE, Source, Span};
pub use spec::{
    Access, DeviceSpec, DirGrantSpec, GrantSpec, GuestPath, MAX_DIRS, MetricsSpec, PluginConfig,
    PortSpec, RestartSpec, Spec, VmSpec,
};
pub use value::Invalid;

/// A configuration without a fault.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub spec: Spec,
    /// Where it says it: for faults that are only found later.
    pub source: Arc<Source>,
}

impl Loaded {
    /// Refuses the configuration for what was only found later.
    pub fn refuse(&self, faults: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(Arc::clone(&self.source), faults)
    }
}

/// Reads the configuration at `path`, and has `loader` load its plugins.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load(path: &Path, loader: &mut dyn PluginLoader) -> Result<Loaded, Diagnostics> {
    read(Source::read(path)?, loader)
}

/// Reads a configuration whose text is already there. Relative paths start from
/// the directory of the source's path.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read(source: Source, loader: &mut dyn PluginLoader) -> Result<Loaded, Diagnostics> {
    let source = Arc::new(source);
    let parse::Walked {
        spec,
        plugins,
        mut faults,
    } = parse::walk(&source);
    faults.extend(plugin::load_all(&plugins, loader));
    if let (Some(spec), Some(folder)) = (&spec, loader.code_folder()) {
        faults.extend(code_folder::faults(spec, folder));
    }
    match spec.filter(|_| faults.is_empty()) {
        Some(spec) => Ok(Loaded { spec, source }),
        None => Err(Diagnostics::new(source, faults)),
    }
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
