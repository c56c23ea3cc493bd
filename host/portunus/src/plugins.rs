//! The plugins of a configuration: loaded once each, however many ports name
//! them. Owns the components that are part of the program.

use std::collections::BTreeMap;
use std::path::Path;

use portunus_plugin::{Component, LoadError, Loader};

use crate::config::{Bundled, Invalid, PluginBytes, PluginLoader, PluginNeeds, PluginSource};

/// Compiled components, by where they come from.
pub struct Plugins {
    loader: Loader,
    components: BTreeMap<PluginSource, Component>,
}

impl Plugins {
    /// No plugins yet.
    pub fn new(loader: Loader) -> Self {
        Self {
            loader,
            components: BTreeMap::new(),
        }
    }

    /// The component of this source, if it was loaded.
    pub fn get(&self, source: &PluginSource) -> Option<&Component> {
        self.components.get(source)
    }
}

impl PluginLoader for Plugins {
    fn code_folder(&self) -> Option<&Path> {
        self.loader.code_folder()
    }

    fn load(
        &mut self,
        source: &PluginSource,
        component: PluginBytes<'_>,
    ) -> Result<PluginNeeds, Vec<Invalid>> {
        let bytes = match component {
            PluginBytes::Bundled(bundled) => bundled_component(bundled),
            PluginBytes::File(bytes) => bytes,
        };
        let component = self
            .loader
            .load(bytes, &source.to_string())
            .map_err(|error| faults(source, &error))?;
        let needs = PluginNeeds {
            memory_bytes: component.initial_memory_bytes(),
            table_elements: component.initial_table_elements(),
        };
        self.components.insert(source.clone(), component);
        Ok(needs)
    }
}

/// What is wrong with a component, one fault for each thing to be mended.
fn faults(source: &PluginSource, error: &LoadError) -> Vec<Invalid> {
    if let LoadError::MissingImports { imports, .. } = error {
        let help = "a plugin has `portunus:port` and WASI 0.2: build it without that import";
        let what = |import| format!("imports `{import}`, which nothing here provides");
        return imports
            .iter()
            .map(|import| Invalid::new(what(import), help))
            .collect();
    }
    // "NAME is no component; build it again"
    let sentence = error.to_string();
    let (what, help) = sentence
        .rsplit_once("; ")
        .unwrap_or((&sentence, "build it again"));
    let help = match error {
        LoadError::CompileTime { .. } => "build it smaller, or allow more by --compile-time",
        LoadError::CompileMemory { .. } => "build it smaller, or allow more by --compile-memory",
        _ => help,
    };
    let what = what.strip_prefix(&format!("{source} ")).unwrap_or(what);
    vec![Invalid::new(what, help)]
}

/// The bytes of a plugin that is part of the program.
fn bundled_component(bundled: Bundled) -> &'static [u8] {
    match bundled {
        Bundled::Clipboard => {
            include_bytes!(concat!(env!("PORTUNUS_BUNDLED_PLUGINS"), "/clipboard.wasm"))
        }
        Bundled::Echo => include_bytes!(concat!(env!("PORTUNUS_BUNDLED_PLUGINS"), "/echo.wasm")),
        Bundled::Log => include_bytes!(concat!(env!("PORTUNUS_BUNDLED_PLUGINS"), "/log.wasm")),
        Bundled::Relay => include_bytes!(concat!(env!("PORTUNUS_BUNDLED_PLUGINS"), "/relay.wasm")),
        Bundled::Agent => {
            include_bytes!(concat!(env!("PORTUNUS_BUNDLED_PLUGINS"), "/agent.wasm"))
        }
    }
}
