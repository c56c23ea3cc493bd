//! How plugins are compiled, and whether compiled code is kept: options of every
//! command that loads plugins.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::builder::FalseyValueParser;
use portunus_plugin::{
    ChildCompiler, CodeCache, CompileLimits, Compiler, Engine, FolderFault, Loader,
};

use super::{COMPILE, THIS_PROGRAM};
use crate::cache_folder::cache_folder;
use crate::config::{ByteSize, TimeSpan};
use crate::plugins::Plugins;

/// Options of the commands that load plugins, told apart in the help.
#[derive(Debug, Args)]
#[command(next_help_heading = "Compiling plugins")]
pub(super) struct PluginArguments {
    /// Compiles every plugin anew and keeps nothing of it. Otherwise compiled code is kept in the
    /// user's cache folder, or the one that PORTUNUS_CACHE_DIR names.
    #[arg(long, env = "PORTUNUS_NO_CACHE", value_parser = FalseyValueParser::new())]
    no_cache: bool,
    /// How long one plugin may take to be compiled.
    #[arg(
        long,
        env = "PORTUNUS_COMPILE_TIME",
        value_name = "TIME",
        default_value_t = TimeSpan::from_ms(CompileLimits::DEFAULT_TIME_MS)
    )]
    compile_time: TimeSpan,
    /// How much memory compiling one plugin may take, as address space.
    #[arg(
        long,
        env = "PORTUNUS_COMPILE_MEMORY",
        value_name = "SIZE",
        default_value_t = ByteSize::from_bytes(CompileLimits::DEFAULT_MEMORY_BYTES)
    )]
    compile_memory: ByteSize,
}

impl PluginArguments {
    /// No plugins yet, to be loaded as these options say.
    pub(super) fn plugins(&self) -> anyhow::Result<Plugins> {
        let engine = Engine::new().context("cannot load plugins on this machine")?;
        let compiler = Compiler::Child(ChildCompiler {
            program: PathBuf::from(THIS_PROGRAM),
            arguments: vec![COMPILE.into()],
            limits: CompileLimits {
                time: self.compile_time.duration(),
                memory_bytes: self.compile_memory.bytes(),
            },
        });
        Ok(Plugins::new(Loader::new(engine, compiler, self.cache())))
    }

    fn cache(&self) -> Option<CodeCache> {
        if self.no_cache {
            return None;
        }
        let Some(folder) = cache_folder() else {
            tracing::debug!("no compiled code is kept: no home, and no PORTUNUS_CACHE_DIR");
            return None;
        };
        match CodeCache::open(&folder.join("code")) {
            Ok(cache) => Some(cache),
            Err(fault @ FolderFault::Unavailable { .. }) => {
                tracing::debug!(%fault, "no compiled code is kept");
                None
            }
            Err(fault @ FolderFault::NotPrivate { .. }) => {
                tracing::warn!(%fault, "no compiled code is kept or used");
                None
            }
        }
    }
}
