//! The table of limits, and the page that shows it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use portunus_plugin::LimitStruck;

use super::*;

#[test]
fn each_limit_has_one_entry_and_a_name_of_its_own() {
    let limits: BTreeSet<_> = LIMITS.iter().map(|entry| entry.limit).collect();
    let names: BTreeSet<_> = LIMITS.iter().map(|entry| entry.name).collect();
    assert_eq!((limits.len(), names.len()), (LIMITS.len(), LIMITS.len()));
    // The last of the enumeration; each before it has its entry as well.
    assert_eq!(limits.last(), Some(&Limit::Rate));
    assert_eq!(Limit::Rate as usize + 1, LIMITS.len());
}

#[test]
fn each_default_is_within_its_bounds() {
    for entry in &LIMITS {
        if let Preset::Is(default) = entry.default {
            assert_eq!(entry.bounds.check(&default), Ok(()), "{}", entry.name);
        }
    }
}

#[test]
fn what_ends_an_instance_has_the_name_that_a_table_gives_it() {
    let (limit, limit_bytes) = (1, 1);
    let time = Duration::from_secs(1);
    let struck = [
        LimitStruck::Memory {
            limit_bytes,
            wanted_bytes: 2,
        },
        LimitStruck::TableElements { limit, wanted: 2 },
        LimitStruck::Instances { limit },
        LimitStruck::Cpu { limit: time },
        LimitStruck::Wall { limit: time },
        LimitStruck::HostCall { limit_bytes },
        LimitStruck::Resources { limit },
        LimitStruck::RandomBytes { limit_bytes },
    ];
    for struck in struck {
        let name = struck.name();
        assert!(LIMITS.iter().any(|entry| entry.name == name), "{name}");
        let told = struck.to_string();
        assert!(told.contains(&format!("`{name}`")), "{told}");
        assert!(told.contains('1'), "{told}");
    }
}

/// The table as `docs/LIMITS.md` has it.
fn page() -> String {
    let mut page = String::from(
        "| name | bounds | default | least | most | why these bounds | when it strikes |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for entry in &LIMITS {
        let Bounds {
            least,
            most,
            reason,
        } = &entry.bounds;
        let LimitEntry {
            name,
            what,
            default,
            strikes,
            ..
        } = entry;
        writeln!(
            page,
            "| `{name}` | {what} | {default} | {least} | {most} | {reason} | {strikes} |"
        )
        .unwrap();
    }
    page
}

#[test]
fn the_page_shows_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/LIMITS.md");
    let shown = fs::read_to_string(path).unwrap();
    let page = page();
    assert!(
        shown.contains(&page),
        "docs/LIMITS.md is to have this table:\n{page}"
    );
}
