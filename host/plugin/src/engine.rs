//! The engine: how every plugin of a process is compiled and where it runs.

use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{
    Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::imports;
use crate::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES};
use crate::state::State;
use crate::ticker::Ticker;

/// Plugin instances at once: 1,024 ports, and room for the successors of some
/// that are being reloaded.
pub const MAX_INSTANCES: u32 = 1_024 + 128;

/// Address space for one linear memory. With 4 GiB, all that a 32-bit address
/// can name, compiled code needs no bounds checks.
const MEMORY_RESERVATION_BYTES: u64 = 4 << 30;

/// Elements for which a table has room, whatever its port's limit says. The
/// pool reserves eight bytes of address space for each.
pub const MAX_TABLE_ELEMENTS: u32 = 65_536;

/// What the host keeps of a core instance beside its memory and its tables: its
/// globals, and the addresses of its functions and imports. A megabyte is what an
/// interpreter of twenty thousand functions takes, or 65,000 globals.
const CORE_INSTANCE_BYTES: usize = 1 << 20;

/// A plugin's stack, and what the host needs on it for WASI and its log: pages
/// that nobody touches cost nothing.
const STACK_BYTES: usize = 2 << 20;
const WASM_STACK_BYTES: usize = 512 << 10;

/// Compiles and runs plugins. One serves a whole process; a clone is the same
/// engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    wasm: wasmtime::Engine,
    linker: Linker<State>,
    ticker: Ticker,
}

/// Why no plugin can run on this machine. The host's fault.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The runtime refuses this processor or this system.
    #[error("cannot run WebAssembly on this machine: {0:#}")]
    Unsupported(wasmtime::Error),
    /// No thread could be started.
    #[error("cannot start the thread that measures plugins' time: {0}; raise the limit on threads")]
    Ticker(std::io::Error),
}

impl Engine {
    /// An engine whose instances live in a pool that is reserved now, or, where
    /// the system does not let a process reserve so much address space, are
    /// allocated one by one.
    pub fn new() -> Result<Self, EngineError> {
        let wasm = wasmtime::Engine::new(config().allocation_strategy(pool())).or_else(|refusal| {
            tracing::warn!(
                "plugins start slower: their memory is allocated one by one, since no pool could \
                 be reserved: {refusal:#}; raise the limit on address space (ulimit -v)"
            );
            wasmtime::Engine::new(
                config().allocation_strategy(InstanceAllocationStrategy::OnDemand),
            )
        });
        Self::with(wasm.map_err(EngineError::Unsupported)?)
    }

    fn with(wasm: wasmtime::Engine) -> Result<Self, EngineError> {
        let linker = imports::linker(&wasm).map_err(EngineError::Unsupported)?;
        let ticker = Ticker::start(wasm.weak()).map_err(EngineError::Ticker)?;
        Ok(Self {
            shared: Arc::new(Shared {
                wasm,
                linker,
                ticker,
            }),
        })
    }

    pub(crate) fn wasm(&self) -> &wasmtime::Engine {
        &self.shared.wasm
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.shared.linker
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.shared.ticker
    }
}

/// What does not depend on where instances live: all that code is compiled for.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Calls into a plugin never overlap: without the bookkeeping for
        // concurrent ones each costs half.
        .concurrency_support(false)
        .cranelift_opt_level(OptLevel::Speed)
        .async_stack_size(STACK_BYTES)
        .max_wasm_stack(WASM_STACK_BYTES)
        .memory_reservation(MEMORY_RESERVATION_BYTES)
        // Functions' names alone. Source lines are found within the call that
        // failed, where nothing bounds it: debug information of some megabytes
        // takes minutes and all of the host's memory.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // What no plugin needs yet is not there to be attacked.
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_relaxed_simd(false);
    config
}

/// A pool for [`MAX_INSTANCES`], of address space that is not memory until it
/// is touched, and is given back when an instance goes.
fn pool() -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(MAX_INSTANCES.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(MAX_INSTANCES)
        // A component of today's tools has its own table and its shim's.
        .total_tables(MAX_INSTANCES.saturating_mul(4))
        .total_stacks(MAX_INSTANCES)
        .max_core_instance_size(CORE_INSTANCE_BYTES)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_memories_per_module(1)
        .max_tables_per_module(MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS as usize)
        .linear_memory_keep_resident(0)
        .table_keep_resident(0)
        .async_stack_keep_resident(0)
        .max_unused_warm_slots(0);
    InstanceAllocationStrategy::Pooling(pool)
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
