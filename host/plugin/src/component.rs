//! A plugin's component: read, compiled, and checked against all that this host
//! provides, before anything of it runs.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use wasmtime::ResourcesRequired;
use wasmtime::component::types::{self, ComponentItem};

use crate::bindings::PluginPre;
use crate::engine::Engine;
use crate::host::{CloseReason, OpenReason, Peer, PortInfo};
use crate::imports::{INTERFACES, PACKAGE, VERSION, WASI, WASI_VERSION};
use crate::journal::clean;
use crate::load_error::LoadError;
use crate::state::State;

/// Bytes of a component, whatever a port's table allows: compiling takes memory
/// and time by the byte, some gigabytes for so many.
pub const MAX_COMPONENT_BYTES: u64 = 128 << 20;

/// A page of linear memory, in bytes (custom page sizes are off).
const WASM_PAGE_BYTES: u64 = 64 << 10;

/// Bytes of a name or a reason in an error. They come from the component.
const MAX_WORDS_BYTES: usize = 1_024;

/// Names of missing imports, or of exports, that an error lists.
const MAX_LISTED: usize = 64;

/// How a binary begins: `\0asm`, a version, and a layer that tells components
/// from core modules (component-model, Binary.md).
const MAGIC: [u8; 4] = *b"\0asm";
const CORE_LAYER: [u8; 4] = [1, 0, 0, 0];

/// A plugin, ready to be started any number of times. A clone is the same one.
#[derive(Clone)]
pub struct Component {
    engine: Engine,
    pre: PluginPre<State>,
    named: Arc<str>,
}

impl Component {
    /// Reads a component from a file of at most [`MAX_COMPONENT_BYTES`] and
    /// [loads](Self::load) it.
    pub fn load_file(engine: &Engine, path: &Path) -> Result<Self, LoadError> {
        let unreadable = |source| LoadError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let mut source = Vec::new();
        // One byte more than it may have, so that too large shows.
        file.take(MAX_COMPONENT_BYTES.saturating_add(1))
            .read_to_end(&mut source)
            .map_err(unreadable)?;
        Self::load(engine, &source, &path.display().to_string())
    }

    /// Compiles a component in this process and checks that it can answer a
    /// port. Takes milliseconds to many seconds of computing, by its size, and
    /// cannot be cancelled: for components that one trusts. A
    /// [`Loader`](crate::Loader) has bounds, and keeps what was compiled.
    /// `named` is what errors call it.
    pub fn load(engine: &Engine, source: &[u8], named: &str) -> Result<Self, LoadError> {
        let named = clean_words(named);
        check_kind(source, &named)?;
        let compiled = wasmtime::component::Component::from_binary(engine.wasm(), source)
            .map_err(|error| LoadError::malformed(&named, &error))?;
        Self::link(engine, &compiled, named)
    }

    /// Checks that what was compiled can answer a port.
    pub(crate) fn link(
        engine: &Engine,
        compiled: &wasmtime::component::Component,
        named: String,
    ) -> Result<Self, LoadError> {
        check_contract(engine, compiled, &named)?;
        let shape = |error: wasmtime::Error| LoadError::WrongShape {
            named: named.clone(),
            reason: clean_words(&format!("{error:#}")),
        };
        check_handler(engine, compiled).map_err(shape)?;
        let pre = engine.linker().instantiate_pre(compiled).map_err(shape)?;
        let pre = PluginPre::new(pre).map_err(shape)?;
        Ok(Self {
            engine: engine.clone(),
            pre,
            named: named.into(),
        })
    }

    /// What errors call it.
    pub fn named(&self) -> &str {
        &self.named
    }

    /// Bytes of memory that its largest memory begins with: with a lower limit
    /// it cannot start. 0 where that only shows when it starts.
    pub fn initial_memory_bytes(&self) -> u64 {
        self.required(|required| required.max_initial_memory_size)
            .saturating_mul(WASM_PAGE_BYTES)
    }

    /// Elements that its largest table begins with. 0 where that only shows
    /// when it starts.
    pub fn initial_table_elements(&self) -> u64 {
        self.required(|required| required.max_initial_table_size)
    }

    fn required(&self, part: impl FnOnce(ResourcesRequired) -> Option<u64>) -> u64 {
        let compiled = self.pre.instance_pre().component();
        compiled
            .resources_required()
            .and_then(part)
            .unwrap_or_default()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn pre(&self) -> &PluginPre<State> {
        &self.pre
    }
}

/// Refuses by size and by the first eight bytes.
pub(crate) fn check_kind(source: &[u8], named: &str) -> Result<(), LoadError> {
    let named = || named.to_owned();
    if u64::try_from(source.len()).unwrap_or(u64::MAX) > MAX_COMPONENT_BYTES {
        return Err(LoadError::TooLarge { named: named() });
    }
    match source.strip_prefix(&MAGIC) {
        None => Err(LoadError::NotWasm { named: named() }),
        Some(rest) if rest.starts_with(&CORE_LAYER) => {
            Err(LoadError::CoreModule { named: named() })
        }
        Some(_) => Ok(()),
    }
}

/// Refuses by the names of what it imports and exports.
fn check_contract(
    engine: &Engine,
    compiled: &wasmtime::component::Component,
    named: &str,
) -> Result<(), LoadError> {
    let named = || named.to_owned();
    let ty = compiled.component_type();
    let imports: Vec<&str> = ty.imports(engine.wasm()).map(|(name, _)| name).collect();
    let exports: Vec<&str> = ty.exports(engine.wasm()).map(|(name, _)| name).collect();

    let mut names = imports.iter().chain(&exports);
    if let Some(found) = names.find_map(|name| other_version(name)) {
        return Err(LoadError::OtherContract {
            named: named(),
            found: clean_words(found),
        });
    }
    let missing: Vec<&str> = imports
        .into_iter()
        .filter(|name| !is_provided(name))
        .collect();
    if !missing.is_empty() {
        return Err(LoadError::MissingImports {
            named: named(),
            imports: listed(&missing),
        });
    }
    if !exports.contains(&handler_name().as_str()) {
        return Err(LoadError::WrongWorld {
            named: named(),
            exports: listed(&exports),
        });
    }
    Ok(())
}

fn handler_name() -> String {
    format!("{PACKAGE}/handler@{VERSION}")
}

/// The version that `name` gives to our package, if it is not ours.
fn other_version(name: &str) -> Option<&str> {
    let interface = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    let version = interface
        .split_once('@')
        .map_or("none", |(_, version)| version);
    (version != VERSION).then_some(version)
}

/// Whether the linker has an interface of this name. What it lacks within one
/// is told when the component is linked.
fn is_provided(name: &str) -> bool {
    let Some(((package, interface), version)) = name
        .split_once('@')
        .and_then(|(path, version)| Some((path.split_once('/')?, version)))
    else {
        return false;
    };
    if package == PACKAGE {
        return version == VERSION && INTERFACES.contains(&interface);
    }
    version.starts_with(WASI_VERSION)
        && WASI
            .iter()
            .any(|(wasi, interfaces)| *wasi == package && interfaces.contains(&interface))
}

/// Refuses a handler whose functions have other types than ours.
fn check_handler(
    engine: &Engine,
    compiled: &wasmtime::component::Component,
) -> wasmtime::Result<()> {
    let ty = compiled.component_type();
    let cx = ty.instance_type();
    let handler = ty
        .get_export(engine.wasm(), &handler_name())
        .map(|export| export.ty);
    let Some(ComponentItem::ComponentInstance(handler)) = handler else {
        wasmtime::bail!("its export {} is not an interface", handler_name());
    };
    let check =
        |name: &str, fits: &dyn Fn(&types::ComponentFunc) -> wasmtime::Result<()>| match handler
            .get_export(engine.wasm(), name)
            .map(|export| export.ty)
        {
            Some(ComponentItem::ComponentFunc(function)) => fits(&function)
                .map_err(|error| error.context(format!("handler.{name} has another type"))),
            _ => Err(wasmtime::format_err!("handler has no function {name}")),
        };
    check("init", &|f| {
        f.typecheck::<(&PortInfo, &str, Option<&[u8]>), (Result<(), String>,)>(&cx)
    })?;
    check("on-open", &|f| {
        f.typecheck::<(u64, &Peer, &OpenReason), ()>(&cx)
    })?;
    check("on-data", &|f| f.typecheck::<(u64, &[u8]), (u32,)>(&cx))?;
    check("on-writable", &|f| f.typecheck::<(u64,), ()>(&cx))?;
    check("on-end", &|f| f.typecheck::<(u64,), ()>(&cx))?;
    check("on-close", &|f| f.typecheck::<(u64, &CloseReason), ()>(&cx))?;
    check("on-timer", &|f| f.typecheck::<(u64,), ()>(&cx))?;
    check("on-stop", &|f| f.typecheck::<(u32,), ()>(&cx))?;
    check("save", &|f| f.typecheck::<(), (Option<Vec<u8>>,)>(&cx))
}

fn listed(names: &[&str]) -> Vec<String> {
    names
        .iter()
        .take(MAX_LISTED)
        .map(|name| clean_words(name))
        .collect()
}

/// A name or a reason as errors have it: one line, bounded and printable.
pub(crate) fn clean_words(words: &str) -> String {
    clean(words, MAX_WORDS_BYTES)
}
