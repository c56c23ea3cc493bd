//! What a plugin may use, and the accounting of its memory and tables.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Core instances of a component at most, whatever its port's limit says: the
/// pool has places for so many.
pub const MAX_CORE_INSTANCES: u32 = 64;

/// Linear memories of a component: one, and one of an adapter.
pub(crate) const MAX_MEMORIES: u32 = 4;

/// Tables of a component: its own, and those of its adapters and shims.
pub(crate) const MAX_TABLES: u32 = 16;

/// What one plugin may use. Each that ends an instance is named by the fault
/// when it strikes; what the others cost a plugin, its
/// [`Losses`](crate::Losses) count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories together. 16 MiB: a Rust plugin
    /// needs little over one; an interpreter is given more by its port's table.
    pub memory_bytes: u64,
    /// Elements of all tables together, eight bytes each in the host. 20,000:
    /// the functions that a large interpreter calls indirectly.
    pub table_elements: u64,
    /// Core instances of its component. 64: an interpreter linked of many
    /// modules has some dozens. No more than [`MAX_CORE_INSTANCES`].
    pub instances: u64,
    /// Time computing in one call. One second: an interpreter starts in some
    /// hundred milliseconds, and no byte stream is worth more in one call.
    /// Counted in ticks of a millisecond.
    pub cpu: Duration,
    /// Time in one call altogether. Five seconds: a disk that is being woken
    /// answers by then.
    pub wall: Duration,
    /// Handles to WASI resources at once: open files, streams. 256: a plugin
    /// has less than ten, and each may hold a file descriptor of the host.
    pub resources: u64,
    /// Bytes that one call of the plugin can hand to the host: what it sends,
    /// writes to a file, logs, or returns from `save`. As much as its memory, so
    /// that it may send all that it has, and the host never holds more for a
    /// plugin than the plugin may hold itself.
    pub host_call_bytes: u64,
    /// Random bytes in one request. 64 KiB: a key needs 32.
    pub random_bytes: u64,
    /// Bytes of one message in the log, as it is written: escaped, and without
    /// the note that it was cut. 4 KiB: fifty lines of a terminal.
    pub log_bytes: u64,
    /// Messages in a second, printed lines included. 200: more than a person
    /// or a disk wants of one port.
    pub log_rate: u64,
    /// Printed bytes that each of standard output and error keeps until the
    /// call is over or the plugin logs. 64 KiB: a panic with its backtrace.
    pub output_bytes: u64,
    /// Names of metrics. 64: each is kept, and shown, for as long as the port
    /// lives.
    pub metrics: u64,
}

impl Limits {
    /// What a plugin may use where nobody says otherwise.
    pub const DEFAULT: Self = Self {
        memory_bytes: 16 << 20,
        table_elements: 20_000,
        instances: 64,
        cpu: Duration::from_secs(1),
        wall: Duration::from_secs(5),
        resources: 256,
        host_call_bytes: 16 << 20,
        random_bytes: 64 << 10,
        log_bytes: 4 << 10,
        log_rate: 200,
        output_bytes: 64 << 10,
        metrics: 64,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A limit that struck, with its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitStruck {
    /// It wanted more linear memory.
    #[error("it wanted {wanted_bytes} bytes of memory; its limit, `memory`, is {limit_bytes}")]
    Memory {
        /// The port's limit, in bytes.
        limit_bytes: u64,
        /// What all its memories together would have been, in bytes.
        wanted_bytes: u64,
    },
    /// It wanted larger tables.
    #[error("it wanted {wanted} table elements; its limit, `table-elements`, is {limit}")]
    TableElements {
        /// The port's limit.
        limit: u64,
        /// What all its tables together would have been.
        wanted: u64,
    },
    /// Its component has too many core instances.
    #[error("its component has more core instances than its limit, `instances`, of {limit}")]
    Instances {
        /// The port's limit.
        limit: u64,
    },
    /// It computed for too long in one call.
    #[error("it computed for longer in one call than its limit, `cpu`, of {limit:?}")]
    Cpu {
        /// The port's limit.
        limit: Duration,
    },
    /// One call took too long.
    #[error("the call took longer than its limit, `wall`, of {limit:?}")]
    Wall {
        /// The port's limit.
        limit: Duration,
    },
    /// It handed more to the host in one call than it may.
    #[error(
        "it handed the host more in one call than its limit, `host-call`, of {limit_bytes} bytes"
    )]
    HostCall {
        /// The port's limit, in bytes.
        limit_bytes: u64,
    },
    /// It opened too many WASI resources.
    #[error(
        "it wanted more open files, streams and other resources than its limit, `resources`, of \
         {limit}"
    )]
    Resources {
        /// The port's limit.
        limit: u64,
    },
    /// It asked for too many random bytes at once.
    #[error("it asked for more random bytes at once than its limit, `random`, of {limit_bytes}")]
    RandomBytes {
        /// The port's limit, in bytes.
        limit_bytes: u64,
    },
}

impl LimitStruck {
    /// The limit's name: in a port's table, and as a metric's label.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Memory { .. } => "memory",
            Self::TableElements { .. } => "table-elements",
            Self::Instances { .. } => "instances",
            Self::Cpu { .. } => "cpu",
            Self::Wall { .. } => "wall",
            Self::HostCall { .. } => "host-call",
            Self::Resources { .. } => "resources",
            Self::RandomBytes { .. } => "random",
        }
    }
}

/// What one store holds of memory and tables, and the most that it may.
pub(crate) struct Usage {
    memory_bytes: u64,
    memory_limit_bytes: u64,
    table_elements: u64,
    table_limit: u64,
    instance_limit: usize,
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
            instance_limit: to_usize(limits.instances),
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
        self.instance_limit
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }
}

/// A limit where the runtime wants one: more than can be addressed is no limit.
pub(crate) fn to_usize(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn growth(current: usize, desired: usize) -> u64 {
    u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
