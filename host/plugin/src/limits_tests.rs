//! Tests of the accounts of memory and tables.

use super::*;

fn usage() -> Usage {
    Usage::new(&Limits {
        memory_bytes: 1_000,
        table_elements: 10,
        ..Limits::default()
    })
}

#[test]
fn all_memories_are_counted_together() {
    let mut usage = usage();
    assert!(usage.memory_growing(0, 600, None).unwrap());
    assert!(usage.memory_growing(0, 400, None).unwrap());
    assert_eq!(usage.memory_bytes(), 1_000);
    let struck = usage.memory_growing(600, 601, None).unwrap_err();
    assert_eq!(
        struck.downcast_ref(),
        Some(&LimitStruck::Memory {
            limit_bytes: 1_000,
            wanted_bytes: 1_001
        })
    );
}

#[test]
fn all_tables_are_counted_together() {
    let mut usage = usage();
    assert!(usage.table_growing(0, 6, None).unwrap());
    assert!(usage.table_growing(0, 4, None).unwrap());
    let struck = usage.table_growing(4, 5, None).unwrap_err();
    assert_eq!(
        struck.downcast_ref(),
        Some(&LimitStruck::TableElements {
            limit: 10,
            wanted: 11
        })
    );
}

#[test]
fn growth_beyond_a_maximum_of_its_own_only_fails() {
    let mut usage = usage();
    assert!(!usage.memory_growing(100, 5_000, Some(200)).unwrap());
    assert!(!usage.table_growing(1, 50, Some(2)).unwrap());
    assert_eq!(usage.memory_bytes(), 0);
}

#[test]
fn growth_that_the_machine_fails_is_not_counted() {
    let mut usage = usage();
    assert!(usage.memory_growing(0, 600, None).unwrap());
    usage
        .memory_grow_failed(wasmtime::format_err!("no memory"))
        .unwrap();
    assert_eq!(usage.memory_bytes(), 0);
    assert!(usage.table_growing(0, 10, None).unwrap());
    usage
        .table_grow_failed(wasmtime::format_err!("no memory"))
        .unwrap();
    assert!(usage.table_growing(0, 10, None).unwrap());
}
