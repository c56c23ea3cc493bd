//! What a plugin may use, and the accounting of its memory and tables.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Core instances of a component: an interpreter linked of many modules has some
/// dozens.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;

/// Linear memories of a component: one, and one of an adapter.
pub(crate) const MAX_MEMORIES: u32 = 4;

/// Tables of a component: its own, and those of its adapters and shims.
pub(crate) const MAX_TABLES: u32 = 16;

/// What one plugin may use. Each is named by the fault when it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories together. 16 MiB: a Rust plugin
    /// needs little over one; an interpreter is given more by its port's table.
    /// Also the bytes that one call of the plugin can hand to the host, so that
    /// the host never holds more for a plugin than the plugin may hold itself.
    pub memory_bytes: u64,
    /// Elements of all tables together, eight bytes each in the host. 20,000:
    /// the functions that a large interpreter calls indirectly.
    pub table_elements: u64,
    /// Time computing in one call. One second: an interpreter starts in some
    /// hundred milliseconds, and no byte stream is worth more in one call.
    /// Counted in ticks of a millisecond.
    pub cpu: Duration,
    /// Time in one call altogether. Five seconds: a disk that is being woken
    /// answers by then.
    pub wall: Duration,
    /// Handles to WASI resources at once: open files, streams. 256: a plugin
    /// has less than ten, and each may hold a file descriptor of the host.
    pub resources: u32,
    /// Random bytes in one request. 64 KiB: a key needs 32.
    pub random_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 16 << 20,
            table_elements: 20_000,
            cpu: Duration::from_secs(1),
            wall: Duration::from_secs(5),
            resources: 256,
            random_bytes: 64 << 10,
        }
    }
}

/// A limit that struck, with its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitStruck {
    /// It wanted more linear memory.
    #[error("it wanted {wanted_bytes} bytes of memory; its memory limit is {limit_bytes}")]
    Memory {
        /// The port's limit, in bytes.
        limit_bytes: u64,
        /// What all its memories together would have been, in bytes.
        wanted_bytes: u64,
    },
    /// It wanted larger tables.
    #[error("it wanted {wanted} table elements; its limit is {limit}")]
    TableElements {
        /// The port's limit.
        limit: u64,
        /// What all its tables together would have been.
        wanted: u64,
    },
    /// It computed for too long in one call.
    #[error("it computed for longer than its cpu limit of {limit:?} a call")]
    Cpu {
        /// The port's limit.
        limit: Duration,
    },
    /// One call took too long.
    #[error("the call took longer than its wall limit of {limit:?}")]
    Wall {
        /// The port's limit.
        limit: Duration,
    },
    /// It handed more to the host in one call than its memory may hold.
    #[error("it handed the host more in one call than its memory limit of {limit_bytes} bytes")]
    HostCall {
        /// The port's limit, in bytes.
        limit_bytes: u64,
    },
    /// It opened too many WASI resources.
    #[error("it wanted more than its limit of {limit} open files, streams and other resources")]
    Resources {
        /// The port's limit.
        limit: u32,
    },
    /// It asked for too many random bytes at once.
    #[error("it asked for more random bytes at once than its limit of {limit_bytes}")]
    RandomBytes {
        /// The port's limit, in bytes.
        limit_bytes: u64,
    },
}

impl LimitStruck {
    /// The limit's name, as a metric's label.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Memory { .. } => "memory",
            Self::TableElements { .. } => "table-elements",
            Self::Cpu { .. } => "cpu",
            Self::Wall { .. } => "wall",
            Self::HostCall { .. } => "host-call",
            Self::Resources { .. } => "resources",
            Self::RandomBytes { .. } => "random-bytes",
        }
    }
}

/// What one store holds of memory and tables, and the most that it may.
pub(crate) struct Usage {
    memory_bytes: u64,
    memory_limit_bytes: u64,
    table_elements: u64,
    table_limit: u64,
    /// The last growth that was admitted, should the machine fail it.
    pending: u64,
}

impl Usage {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_limit_bytes: limits.memory_bytes,
            table_elements: 0,
            table_limit: limits.table_elements,
            pending: 0,
        }
    }

    /// Linear memory of all instances in the store, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }
}

/// Growth beyond a limit of ours is an error, and ends the instance: a plugin
/// that is told "no" mostly dies of it elsewhere, with less to say. Growth
/// beyond the maximum that a memory or table declares for itself is answered
/// as the specification has it.
impl ResourceLimiter for Usage {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = growth(current, desired);
        let wanted_bytes = self.memory_bytes.saturating_add(growth);
        let limit_bytes = self.memory_limit_bytes;
        if wanted_bytes > limit_bytes {
            return Err(LimitStruck::Memory {
                limit_bytes,
                wanted_bytes,
            }
            .into());
        }
        self.pending = growth;
        self.memory_bytes = wanted_bytes;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_bytes = self
            .memory_bytes
            .saturating_sub(std::mem::take(&mut self.pending));
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = growth(current, desired);
        let wanted = self.table_elements.saturating_add(growth);
        let limit = self.table_limit;
        if wanted > limit {
            return Err(LimitStruck::TableElements { limit, wanted }.into());
        }
        self.pending = growth;
        self.table_elements = wanted;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.table_elements = self
            .table_elements
            .saturating_sub(std::mem::take(&mut self.pending));
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }
}

fn growth(current: usize, desired: usize) -> u64 {
    u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
