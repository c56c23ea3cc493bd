//! Each limit strikes, is named with its value, and strikes nobody else. Every
//! test here fails when its limit is lifted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use portunus_plugin::{ChannelId, FaultCause, LimitStruck, Limits};

use crate::text::Plugin;
use crate::{start, start_within};

/// Bytes of memory that every plugin of the tests begins with.
const INITIAL_BYTES: u64 = 4 * 65_536;

/// Why a plugin that does this in `on-data` fails within these limits.
async fn struck(plugin: &Plugin, limits: Limits) -> LimitStruck {
    let mut plugin = start_within(plugin, limits)
        .await
        .expect("a started plugin");
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    assert_eq!(fault.export, "on-data");
    match fault.cause {
        FaultCause::Limit(struck) => struck,
        other => panic!("{other}"),
    }
}

const SPIN: Plugin = Plugin {
    fields: "(func $spin (loop $again (br $again)))",
    init: "i32.const 0",
    on_data: "(call $spin) unreachable",
    on_open: "",
    on_timer: "",
    on_stop: "",
    save: "i32.const 0",
    wasi: "",
};

#[tokio::test]
async fn a_plugin_that_computes_for_ever_is_stopped_and_others_go_on_meanwhile() {
    let cpu = Duration::from_millis(40);
    let turns = Arc::new(AtomicU32::new(0));
    let others = Arc::clone(&turns);
    // On the same thread: it has a turn only when the plugin yields.
    let other = tokio::spawn(async move {
        loop {
            others.fetch_add(1, Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let limits = Limits {
        cpu,
        wall: Duration::from_secs(600),
        ..Limits::default()
    };
    assert_eq!(struck(&SPIN, limits).await, LimitStruck::Cpu { limit: cpu });
    other.abort();
    assert!(turns.load(Relaxed) > 10, "{turns:?} turns in 40 ticks");
}

#[tokio::test]
async fn a_plugin_that_computes_too_long_on_a_busy_thread_meets_the_wall() {
    let wall = Duration::from_millis(40);
    let limits = Limits {
        cpu: Duration::from_secs(600),
        wall,
        ..Limits::default()
    };
    assert_eq!(
        struck(&SPIN, limits).await,
        LimitStruck::Wall { limit: wall }
    );
}

#[tokio::test]
async fn the_backtrace_names_where_it_computed() {
    let limits = Limits {
        cpu: Duration::from_millis(5),
        ..Limits::default()
    };
    let mut plugin = start_within(&SPIN, limits).await.unwrap();
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    let backtrace = fault.backtrace.expect("a backtrace");
    assert!(backtrace.contains("test!spin"), "{backtrace}");
    assert!(backtrace.contains("test!on_data"), "{backtrace}");
    assert_eq!(fault.cause.name(), "cpu");
}

#[tokio::test]
async fn computing_is_counted_for_each_call_by_itself() {
    let spin_a_little = Plugin {
        on_data: "
            (loop $again
              (br_if $again (i32.lt_u
                (local.tee $turns (i32.add (local.get $turns) (i32.const 1))) (i32.const 2000000))))
            (local.get $len)",
        ..Plugin::default()
    };
    let limits = Limits {
        cpu: Duration::from_millis(60),
        ..Limits::default()
    };
    let mut plugin = start_within(&spin_a_little, limits).await.unwrap();
    let mut computed = Duration::ZERO;
    while computed < Duration::from_millis(180) {
        let start = std::time::Instant::now();
        plugin.on_data(ChannelId::GUEST, b"x").await.unwrap();
        computed += start.elapsed();
    }
}

/// Waits for so many milliseconds in the host.
fn sleeper(on_data: &'static str) -> Plugin {
    Plugin {
        fields: r#"
            (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
              (func $subscribe (param i64) (result i32)))
            (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
            (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param i32)))
            (func $sleep (param $ms i64) (local $pollable i32)
              (local.set $pollable
                (call $subscribe (i64.mul (local.get $ms) (i64.const 1000000))))
              (call $block (local.get $pollable))
              (call $drop (local.get $pollable)))"#,
        on_data,
        wasi: "
            package test:it;
            world all {
              include portunus:port/plugin@0.1.0;
              import wasi:clocks/monotonic-clock@0.2.0;
            }
            package wasi:io@0.2.0 {
              interface poll {
                resource pollable { block: func(); }
              }
            }
            package wasi:clocks@0.2.0 {
              interface monotonic-clock {
                use wasi:io/poll@0.2.0.{pollable};
                subscribe-duration: func(when: u64) -> pollable;
              }
            }",
        ..Plugin::default()
    }
}

#[tokio::test]
async fn a_call_that_waits_too_long_in_the_host_is_cut() {
    let wall = Duration::from_millis(30);
    let limits = Limits {
        wall,
        ..Limits::default()
    };
    let sleeper = sleeper("(call $sleep (i64.const 20000)) (local.get $len)");
    assert_eq!(
        struck(&sleeper, limits).await,
        LimitStruck::Wall { limit: wall }
    );
}

#[tokio::test]
async fn waiting_is_not_computing() {
    let limits = Limits {
        cpu: Duration::from_millis(10),
        ..Limits::default()
    };
    let sleeper = sleeper("(call $sleep (i64.const 100)) (local.get $len)");
    let mut plugin = start_within(&sleeper, limits).await.unwrap();
    assert_eq!(plugin.on_data(ChannelId::GUEST, b"x").await.unwrap(), 1);
}

#[tokio::test]
async fn computing_between_waits_is_counted_together() {
    // Each turn computes for less than a tick or for little more, and waits.
    let sleeper = sleeper(
        "(loop $again
           (local.set $work (i32.const 0))
           (loop $busy
             (br_if $busy (i32.lt_u
               (local.tee $work (i32.add (local.get $work) (i32.const 1))) (i32.const 1000000))))
           (call $sleep (i64.const 1))
           (br_if $again (i32.lt_u
             (local.tee $turns (i32.add (local.get $turns) (i32.const 1))) (i32.const 1000))))
         (local.get $len)",
    );
    let cpu = Duration::from_millis(30);
    let limits = Limits {
        cpu,
        wall: Duration::from_secs(600),
        ..Limits::default()
    };
    assert_eq!(
        struck(&sleeper, limits).await,
        LimitStruck::Cpu { limit: cpu }
    );
}

#[tokio::test]
async fn a_plugin_that_computes_for_ever_at_its_start_is_stopped() {
    let cpu = Duration::from_millis(5);
    let plugin = Plugin {
        fields: "(func $main (loop $again (br $again))) (start $main)",
        ..Plugin::default()
    };
    let limits = Limits {
        cpu,
        ..Limits::default()
    };
    let Err(fault) = start_within(&plugin, limits).await else {
        panic!("it started")
    };
    assert_eq!(fault.export, "start");
    assert_eq!(
        fault.cause,
        FaultCause::Limit(LimitStruck::Cpu { limit: cpu })
    );
}

const GROW: &str = "
    (if (i32.eq (memory.grow (i32.const 12)) (i32.const -1)) (then unreachable))
    (local.get $len)";

#[tokio::test]
async fn memory_beyond_the_limit_is_named_and_up_to_it_is_had() {
    let grower = Plugin {
        on_data: GROW,
        ..Plugin::default()
    };
    let limit_bytes = INITIAL_BYTES + 12 * 65_536;
    let limits = Limits {
        memory_bytes: limit_bytes,
        ..Limits::default()
    };
    let mut plugin = start_within(&grower, limits).await.unwrap();
    plugin.on_data(ChannelId::GUEST, b"x").await.unwrap();
    assert_eq!(plugin.memory_bytes(), limit_bytes);
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    let wanted_bytes = limit_bytes + 12 * 65_536;
    let struck = LimitStruck::Memory {
        limit_bytes,
        wanted_bytes,
    };
    assert_eq!(fault.cause, FaultCause::Limit(struck));
    assert_eq!(
        fault.to_string(),
        "on-data: the plugin was stopped: it wanted 1835008 bytes of memory; its limit, `memory`, is 1048576"
    );
    assert!(
        fault
            .backtrace
            .expect("a backtrace")
            .contains("test!on_data")
    );
}

#[tokio::test]
async fn a_plugin_that_begins_with_more_memory_than_its_limit_does_not_start() {
    let limits = Limits {
        memory_bytes: INITIAL_BYTES - 65_536,
        ..Limits::default()
    };
    let Err(fault) = start_within(&Plugin::default(), limits).await else {
        panic!("it started")
    };
    assert_eq!(fault.export, "start");
    assert!(
        matches!(fault.cause, FaultCause::Limit(LimitStruck::Memory { .. })),
        "{fault}"
    );
}

#[tokio::test]
async fn a_component_of_too_many_core_instances_does_not_start() {
    let limits = Limits {
        instances: 1,
        ..Limits::default()
    };
    // The encoder adds a module for the strings that imports take.
    let Err(fault) = start_within(&Plugin::default(), limits).await else {
        panic!("it started")
    };
    assert_eq!(
        (fault.export, fault.cause),
        (
            "start",
            FaultCause::Limit(LimitStruck::Instances { limit: 1 })
        )
    );
}

#[tokio::test]
async fn tables_beyond_the_limit_are_named() {
    let grower = Plugin {
        fields: "(table $table 1 funcref)",
        on_data: "(drop (table.grow $table (ref.null func) (i32.const 30000))) (local.get $len)",
        ..Plugin::default()
    };
    let struck = struck(&grower, Limits::default()).await;
    assert!(
        matches!(
            struck,
            LimitStruck::TableElements {
                limit: 20_000,
                wanted: 30_001..
            }
        ),
        "{struck}"
    );
}

#[tokio::test]
async fn what_one_call_hands_to_the_host_is_bounded() {
    // Each handle has four bytes in the plugin's memory, and more in the host's.
    let greedy = Plugin {
        fields: r#"(import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))"#,
        on_data: "(call $poll (i32.const 0) (i32.const 60000) (i32.const 512)) (local.get $len)",
        wasi: "
            package test:it;
            world all {
              include portunus:port/plugin@0.1.0;
              import wasi:io/poll@0.2.0;
            }
            package wasi:io@0.2.0 {
              interface poll {
                resource pollable;
                poll: func(in: list<borrow<pollable>>) -> list<u32>;
              }
            }",
        ..Plugin::default()
    };
    let limits = Limits {
        host_call_bytes: 200_000,
        ..Limits::default()
    };
    assert_eq!(
        struck(&greedy, limits).await,
        LimitStruck::HostCall {
            limit_bytes: 200_000
        }
    );
}

#[tokio::test]
async fn a_send_of_all_that_the_plugin_has_is_not_too_much() {
    let mut plugin = start_within(
        &Plugin {
            on_data: "
                (call $send (local.get $channel) (i32.const 0) (i32.const 262144) (i32.const 512))
                (local.get $len)",
            ..Plugin::default()
        },
        Limits {
            memory_bytes: INITIAL_BYTES,
            host_call_bytes: INITIAL_BYTES,
            ..Limits::default()
        },
    )
    .await
    .unwrap();
    plugin.on_data(ChannelId::GUEST, b"x").await.unwrap();
    assert_eq!(plugin.host().deeds.len(), 1);
}

#[tokio::test]
async fn open_resources_are_bounded() {
    let hoarder = Plugin {
        fields: r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get_stdout (result i32)))"#,
        on_data: "(loop $again (drop (call $get_stdout)) (br $again)) unreachable",
        wasi: "
            package test:it;
            world all {
              include portunus:port/plugin@0.1.0;
              import wasi:cli/stdout@0.2.0;
            }
            package wasi:io@0.2.0 {
              interface streams { resource output-stream; }
            }
            package wasi:cli@0.2.0 {
              interface stdout {
                use wasi:io/streams@0.2.0.{output-stream};
                get-stdout: func() -> output-stream;
              }
            }",
        ..Plugin::default()
    };
    let limits = Limits {
        resources: 20,
        ..Limits::default()
    };
    assert_eq!(
        struck(&hoarder, limits).await,
        LimitStruck::Resources { limit: 20 }
    );
}

#[tokio::test]
async fn random_bytes_are_bounded() {
    let gambler = Plugin {
        fields: r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#,
        on_data: "
            (call $random (i64.const 1000) (i32.const 512))
            (call $random (i64.const 1001) (i32.const 512))
            (local.get $len)",
        wasi: "
            package test:it;
            world all {
              include portunus:port/plugin@0.1.0;
              import wasi:random/random@0.2.0;
            }
            package wasi:random@0.2.0 {
              interface random { get-random-bytes: func(len: u64) -> list<u8>; }
            }",
        ..Plugin::default()
    };
    let limits = Limits {
        random_bytes: 1_000,
        ..Limits::default()
    };
    assert_eq!(
        struck(&gambler, limits).await,
        LimitStruck::RandomBytes { limit_bytes: 1_000 }
    );
}

#[tokio::test]
async fn recursion_ends_in_a_trap() {
    let mut plugin = start(&Plugin {
        fields: "(func $deeper (call $deeper) (call $deeper))",
        on_data: "(call $deeper) unreachable",
        ..Plugin::default()
    })
    .await;
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    assert_eq!(
        fault.cause,
        FaultCause::Trap("wasm trap: call stack exhausted".to_owned())
    );
    let backtrace = fault.backtrace.expect("a backtrace");
    assert!(
        backtrace.lines().count() <= 64 && backtrace.contains("test!deeper"),
        "{backtrace}"
    );
}
