//! What the agent tells of its machine, as numbers for the metrics: sums over
//! all processors, disks and networks, so that a guest decides no metric's name
//! and not how many there are.
//!
//! The words are those of QEMU's `qga/qapi-schema.json`.

use serde::Deserialize;

use crate::elements::for_each;

/// Something to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Time of processors, from QEMU 7.1 on.
    Processors,
    /// How large a block of memory is.
    MemoryBlockSize,
    /// How many blocks of memory there are.
    MemoryBlocks,
    /// Bytes from and to disks, from QEMU 7.1 on.
    Disks,
    /// Bytes from and to networks.
    Networks,
    /// How many processes want to run, from QEMU 10.0 on.
    Load,
}

/// A gauge's name and value.
pub type Gauge = (&'static str, f64);

impl Figure {
    /// All, in the order in which they are asked for.
    pub const ALL: [Self; 6] = [
        Self::Processors,
        Self::MemoryBlockSize,
        Self::MemoryBlocks,
        Self::Disks,
        Self::Networks,
        Self::Load,
    ];

    /// The command that asks for it.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Processors => "guest-get-cpustats",
            Self::MemoryBlockSize => "guest-get-memory-block-info",
            Self::MemoryBlocks => "guest-get-memory-blocks",
            Self::Disks => "guest-get-diskstats",
            Self::Networks => "guest-network-get-interfaces",
            Self::Load => "guest-get-load",
        }
    }

    /// What a reply says; nothing where it is not what it should be.
    pub fn read(self, json: &str) -> Option<Vec<Gauge>> {
        match self {
            Self::Processors => processors(json),
            Self::MemoryBlockSize => {
                let Block { size } = serde_json::from_str(json).ok()?;
                Some(vec![("memory_block_bytes", float(size))])
            }
            Self::MemoryBlocks => memory_blocks(json),
            Self::Disks => disks(json),
            Self::Networks => networks(json),
            Self::Load => load(json),
        }
    }
}

/// Times in milliseconds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Processor {
    user: u64,
    nice: u64,
    system: u64,
    irq: u64,
    softirq: u64,
    idle: u64,
    iowait: u64,
    steal: u64,
}

#[derive(Deserialize)]
struct Block {
    size: u64,
}

#[derive(Deserialize)]
struct MemoryBlock {
    online: bool,
}

#[derive(Deserialize)]
struct Disk {
    name: String,
    stats: DiskStatistics,
}

/// What an older kernel does not count is left out.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct DiskStatistics {
    read_sectors: u64,
    write_sectors: u64,
    read_ios: u64,
    write_ios: u64,
}

/// Linux counts disks in these, whatever a disk's own are.
const SECTOR_BYTES: f64 = 512.0;

/// What stands on other disks, or is none, by the beginning of its name: it would
/// be counted twice.
const NO_DISKS: [&str; 7] = ["loop", "ram", "dm-", "md", "zram", "sr", "fd"];

#[derive(Deserialize)]
struct Network {
    name: String,
    statistics: Option<NetworkStatistics>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct NetworkStatistics {
    rx_bytes: u64,
    tx_bytes: u64,
    rx_errs: u64,
    tx_errs: u64,
    rx_dropped: u64,
    tx_dropped: u64,
}

#[derive(Deserialize)]
struct Load {
    load1m: f64,
    load5m: f64,
    load15m: f64,
}

fn processors(json: &str) -> Option<Vec<Gauge>> {
    let [
        mut count,
        mut user,
        mut system,
        mut idle,
        mut wait,
        mut steal,
    ] = [0.0; 6];
    let read = for_each(json, |processor: Processor| {
        count += 1.0;
        user += seconds(processor.user) + seconds(processor.nice);
        system += seconds(processor.system) + seconds(processor.irq) + seconds(processor.softirq);
        idle += seconds(processor.idle);
        wait += seconds(processor.iowait);
        steal += seconds(processor.steal);
    });
    read.then(|| {
        vec![
            ("cpus", count),
            ("cpu_user_seconds", user),
            ("cpu_system_seconds", system),
            ("cpu_idle_seconds", idle),
            ("cpu_iowait_seconds", wait),
            ("cpu_steal_seconds", steal),
        ]
    })
}

fn memory_blocks(json: &str) -> Option<Vec<Gauge>> {
    let [mut online, mut count] = [0.0; 2];
    let read = for_each(json, |block: MemoryBlock| {
        count += 1.0;
        online += f64::from(u8::from(block.online));
    });
    read.then(|| vec![("memory_blocks", count), ("memory_blocks_online", online)])
}

fn disks(json: &str) -> Option<Vec<Gauge>> {
    let [mut read_bytes, mut written_bytes, mut reads, mut writes] = [0.0; 4];
    // Linux tells a disk's parts right after it.
    let mut whole = String::new();
    let read = for_each(json, |disk: Disk| {
        if NO_DISKS.iter().any(|begin| disk.name.starts_with(begin))
            || is_part_of(&disk.name, &whole)
        {
            return;
        }
        read_bytes += float(disk.stats.read_sectors) * SECTOR_BYTES;
        written_bytes += float(disk.stats.write_sectors) * SECTOR_BYTES;
        reads += float(disk.stats.read_ios);
        writes += float(disk.stats.write_ios);
        whole = disk.name;
    });
    read.then(|| {
        vec![
            ("disk_read_bytes", read_bytes),
            ("disk_written_bytes", written_bytes),
            ("disk_reads", reads),
            ("disk_writes", writes),
        ]
    })
}

/// Whether `vda1` is a part of `vda`, and `nvme0n1p2` of `nvme0n1`.
fn is_part_of(name: &str, whole: &str) -> bool {
    let Some(rest) = name.strip_prefix(whole) else {
        return false;
    };
    let number = rest.strip_prefix('p').unwrap_or(rest);
    !whole.is_empty() && !number.is_empty() && number.bytes().all(|letter| letter.is_ascii_digit())
}

fn networks(json: &str) -> Option<Vec<Gauge>> {
    let [mut received, mut sent, mut lost_in, mut lost_out] = [0.0; 4];
    let read = for_each(json, |network: Network| {
        let counted = network.statistics.filter(|_| network.name != "lo");
        let counted = counted.unwrap_or_default();
        received += float(counted.rx_bytes);
        sent += float(counted.tx_bytes);
        lost_in += float(counted.rx_errs) + float(counted.rx_dropped);
        lost_out += float(counted.tx_errs) + float(counted.tx_dropped);
    });
    read.then(|| {
        vec![
            ("net_received_bytes", received),
            ("net_sent_bytes", sent),
            ("net_receive_losses", lost_in),
            ("net_send_losses", lost_out),
        ]
    })
}

fn load(json: &str) -> Option<Vec<Gauge>> {
    let load: Load = serde_json::from_str(json).ok()?;
    let gauges = vec![
        ("load_1m", load.load1m),
        ("load_5m", load.load5m),
        ("load_15m", load.load15m),
    ];
    let is_load = |(_, value): &Gauge| value.is_finite() && *value >= 0.0;
    gauges.iter().all(is_load).then_some(gauges)
}

fn seconds(ms: u64) -> f64 {
    float(ms) / 1e3
}

/// A count as metrics have them: exact below 2 to the 53, and near enough above.
#[expect(clippy::cast_precision_loss, reason = "what it is for")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
