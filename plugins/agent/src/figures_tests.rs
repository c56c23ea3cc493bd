//! Tests of `figures.rs`, by what agents have said. The replies of `recorded`
//! are those of Debian's qemu-ga 7.2.22, shortened; `guest-get-load` is of QEMU
//! 10.0, by its schema, since Debian's agent is too old for it.

use proptest::prelude::*;

use super::*;

const CPUS: &str = r#"[{"cpu": 0, "guestnice": 0, "idle": 3253620, "steal": 56830, "iowait": 46730, "system": 1401210, "guest": 0, "nice": 1282920, "irq": 0, "type": "linux", "user": 6369500, "softirq": 3860}, {"cpu": 1, "guestnice": 0, "idle": 2767330, "steal": 55940, "iowait": 120980, "system": 1564500, "guest": 0, "nice": 1287660, "irq": 0, "type": "linux", "user": 6609290, "softirq": 10030}]"#;
const BLOCKS: &str = r#"[{"online": true, "can-offline": true, "phys-index": 188}, {"online": false, "can-offline": true, "phys-index": 99}, {"online": true, "can-offline": true, "phys-index": 121}]"#;
const NETWORKS: &str = r#"[{"name": "lo", "ip-addresses": [{"ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8}], "statistics": {"tx-packets": 62, "tx-errs": 0, "rx-bytes": 6586, "rx-dropped": 0, "rx-packets": 62, "rx-errs": 0, "tx-bytes": 6586, "tx-dropped": 0}, "hardware-address": "00:00:00:00:00:00"}, {"name": "ifb0", "hardware-address": "ba:8d:d7:e9:86:eb"}, {"name": "eth0", "statistics": {"tx-packets": 25845, "tx-errs": 1, "rx-bytes": 893733589, "rx-dropped": 2, "rx-packets": 36981, "rx-errs": 3, "tx-bytes": 2195745, "tx-dropped": 4}, "hardware-address": "02:fc:00:00:00:01"}]"#;

fn read(figure: Figure, json: &str) -> Vec<Gauge> {
    figure.read(json).unwrap()
}

fn disk(name: &str, sectors: u64) -> String {
    format!(
        r#"{{"name": "{name}", "stats": {{"write-sectors": {sectors}, "read-sectors": 2, "read-ios": 1, "write-ios": 3, "ios-pgr": 0}}, "minor": 0, "major": 254}}"#
    )
}

#[test]
fn recorded_replies_become_sums() {
    let cpus = [
        ("cpus", 2.0),
        ("cpu_user_seconds", 15549.37),
        ("cpu_system_seconds", 2979.6),
        ("cpu_idle_seconds", 6020.95),
        ("cpu_iowait_seconds", 167.71),
        ("cpu_steal_seconds", 112.77),
    ];
    for (found, wanted) in read(Figure::Processors, CPUS).into_iter().zip(cpus) {
        assert_eq!(found.0, wanted.0);
        assert!((found.1 - wanted.1).abs() < 1e-6, "{found:?} {wanted:?}");
    }
    assert_eq!(
        read(Figure::MemoryBlocks, BLOCKS),
        [("memory_blocks", 3.0), ("memory_blocks_online", 2.0)]
    );
    assert_eq!(
        read(Figure::MemoryBlockSize, r#"{"size": 134217728}"#),
        [("memory_block_bytes", 134_217_728.0)]
    );
    assert_eq!(
        read(Figure::Networks, NETWORKS),
        [
            ("net_received_bytes", 893_733_589.0),
            ("net_sent_bytes", 2_195_745.0),
            ("net_receive_losses", 5.0),
            ("net_send_losses", 5.0),
        ]
    );
    assert_eq!(
        read(
            Figure::Load,
            r#"{"load1m": 0.5, "load5m": 1, "load15m": 1.25}"#
        ),
        [("load_1m", 0.5), ("load_5m", 1.0), ("load_15m", 1.25)]
    );
}

#[test]
fn a_disk_is_counted_once_and_without_what_stands_on_it() {
    let names = [
        "loop0",
        "ram1",
        "vda",
        "vda1",
        "vda15",
        "vdb",
        "nvme0n1",
        "nvme0n1p1",
        "dm-0",
        "sdab",
    ];
    let all: Vec<String> = names.iter().map(|name| disk(name, 10)).collect();
    let found = read(Figure::Disks, &format!("[{}]", all.join(",")));
    let wanted = [
        ("disk_read_bytes", 4.0 * 1024.0),
        ("disk_written_bytes", 4.0 * 5120.0),
        ("disk_reads", 4.0),
        ("disk_writes", 12.0),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn what_a_guest_makes_up_is_nothing_or_a_number() {
    let cases = [
        (Figure::Processors, r#"{"user": 1}"#),
        (Figure::Processors, r#"[{"user": -1}]"#),
        (Figure::Processors, r#"[{"user": 1}, 5]"#),
        (Figure::Processors, r#"[{"user": 18446744073709551616}]"#),
        (Figure::MemoryBlockSize, r#"{"size": "1"}"#),
        (Figure::MemoryBlocks, r#"[{"online": 1}]"#),
        (Figure::Disks, r#"[{"name": 1, "stats": {}}]"#),
        (Figure::Networks, "null"),
        (Figure::Load, r#"{"load1m": -1, "load5m": 0, "load15m": 0}"#),
        (
            Figure::Load,
            r#"{"load1m": 1e999, "load5m": 0, "load15m": 0}"#,
        ),
    ];
    for (figure, json) in cases {
        assert_eq!(figure.read(json), None, "{json}");
    }
    let most = format!("[{0}, {0}]", r#"{"user": 18446744073709551615}"#);
    let found = read(Figure::Processors, &most);
    assert!(found.iter().all(|(_, value)| value.is_finite()));
}

#[test]
fn however_many_elements_there_are_they_become_one_sum() {
    let many = format!("[{}{{}}]", "{},".repeat(1 << 20));
    let found = read(Figure::Processors, &many);
    assert_eq!(found[0], ("cpus", 1_048_577.0));
}

proptest! {
    #[test]
    fn every_gauge_is_a_finite_number(text in r#"(\[|\]|\{|\}|"user": |"size": |"online": |"load1m": |true|[0-9]{1,20}|,|-|1e9){0,12}"#) {
        for figure in Figure::ALL {
            for (_, value) in figure.read(&text).unwrap_or_default() {
                prop_assert!(value.is_finite() && value >= 0.0);
            }
        }
    }
}
