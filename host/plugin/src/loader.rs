//! From a component's bytes to a plugin: with code that is kept, or compiled now.

use std::path::Path;

use crate::code::CodeKey;
use crate::code_cache::CodeCache;
use crate::compiler::Compiler;
use crate::component::{Component, check_kind, clean_words};
use crate::engine::Engine;
use crate::load_error::LoadError;

/// Loads plugins. Which compiler it uses, and whether code is kept, is for the
/// program to choose.
pub struct Loader {
    engine: Engine,
    compiler: Compiler,
    cache: Option<CodeCache>,
}

impl Loader {
    /// A loader for plugins of this engine.
    pub fn new(engine: Engine, compiler: Compiler, cache: Option<CodeCache>) -> Self {
        Self {
            engine,
            compiler,
            cache,
        }
    }

    /// The folder that code is kept in, if it is. Whoever can write there decides
    /// what runs here.
    pub fn code_folder(&self) -> Option<&Path> {
        self.cache.as_ref().map(CodeCache::path)
    }

    /// Loads a component, and checks that it can answer a port. `named` is what
    /// errors call it. Blocks while it compiles.
    ///
    /// # Errors
    ///
    /// Why it is no plugin, or could not be compiled.
    pub fn load(&self, source: &[u8], named: &str) -> Result<Component, LoadError> {
        let named = clean_words(named);
        check_kind(source, &named)?;
        let wasm = self.engine.wasm();
        let key = CodeKey::of(wasm, source);
        let kept = self.cache.as_ref().and_then(|cache| cache.get(key));
        if let Some(compiled) = kept.and_then(|code| code.load(wasm).ok()) {
            tracing::debug!(plugin = named, "its code was kept");
            return Component::link(&self.engine, &compiled, named);
        }
        let code = self.compiler.compile(wasm, key, source, &named)?;
        // The engine has limits of its own, which show only here.
        let compiled = code
            .load(wasm)
            .map_err(|error| LoadError::malformed(&named, &error))?;
        let component = Component::link(&self.engine, &compiled, named)?;
        if let Some(cache) = &self.cache {
            cache.put(key, &code);
        }
        Ok(component)
    }
}
