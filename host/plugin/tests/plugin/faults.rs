//! Calls that fail: what is said of it, and that nothing follows.

use std::time::Duration;

use portunus_plugin::{ChannelId, FaultCause, Instance};

use crate::recorder::Recorder;
use crate::start;
use crate::text::Plugin;

/// Every call of an instance that is of no more use says so.
async fn assert_poisoned(plugin: &mut Instance<Recorder>) {
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    assert_eq!(
        (fault.export, fault.cause),
        ("on-data", FaultCause::Poisoned)
    );
    assert_eq!(plugin.save().await.unwrap_err().cause, FaultCause::Poisoned);
}

#[tokio::test]
async fn a_trap_is_told_with_its_names() {
    let mut plugin = start(&Plugin {
        fields: "(func $parse_clipboard unreachable)",
        on_data: "(call $parse_clipboard) (local.get $len)",
        ..Plugin::default()
    })
    .await;
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "on-data: the plugin trapped: wasm trap: wasm `unreachable` instruction executed"
    );
    let backtrace = fault.backtrace.expect("a backtrace");
    let frames: Vec<&str> = backtrace.lines().collect();
    assert_eq!(frames.len(), 2, "{backtrace}");
    assert!(frames[0].ends_with("test!parse_clipboard"), "{backtrace}");
    assert!(frames[1].ends_with("test!on_data"), "{backtrace}");
    assert_poisoned(&mut plugin).await;
}

#[tokio::test]
async fn names_in_a_backtrace_are_bounded_and_clean() {
    let hostile = format!(
        r#"(func $"\u{{1b}}[31m{}" unreachable) "#,
        "x".repeat(100_000)
    );
    let mut plugin = start(&Plugin {
        fields: Box::leak(hostile.into_boxed_str()),
        // The function before the handler's own: the imports are twelve, and
        // the hostile one follows.
        on_data: "(call 12) (local.get $len)",
        ..Plugin::default()
    })
    .await;
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    let backtrace = fault.backtrace.expect("a backtrace");
    assert!(
        backtrace.len() < 1_000 && !backtrace.contains('\u{1b}'),
        "{backtrace}"
    );
    assert!(backtrace.contains("\\u{1b}[31mxxx"), "{backtrace}");
}

#[tokio::test]
async fn more_bytes_taken_than_given_is_a_bad_answer() {
    for on_data in ["i32.const 2", "i32.const -1"] {
        let mut plugin = start(&Plugin {
            on_data,
            ..Plugin::default()
        })
        .await;
        let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
        assert!(matches!(&fault.cause, FaultCause::BadAnswer(_)), "{fault}");
        assert_poisoned(&mut plugin).await;
    }
}

#[tokio::test]
async fn a_pointer_out_of_its_memory_is_a_trap() {
    let mut sends = start(&Plugin {
        on_data: "
            (call $send (i64.const 0) (i32.const -16) (i32.const 32) (i32.const 512))
            (local.get $len)",
        ..Plugin::default()
    })
    .await;
    let fault = sends.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    assert!(matches!(&fault.cause, FaultCause::Trap(_)), "{fault}");
    assert_eq!(sends.host().deeds, []);

    let mut saves = start(&Plugin {
        save: "i32.const -8",
        ..Plugin::default()
    })
    .await;
    let fault = saves.save().await.unwrap_err();
    assert!(matches!(&fault.cause, FaultCause::Trap(_)), "{fault}");
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_a_trap() {
    let mut plugin = start(&Plugin {
        fields: r#"(data (i32.const 1024) "\ff\fe")"#,
        on_data: "(call $log (i32.const 0) (i32.const 1024) (i32.const 2)) (local.get $len)",
        ..Plugin::default()
    })
    .await;
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    assert!(matches!(&fault.cause, FaultCause::Trap(_)), "{fault}");
    assert_eq!(plugin.host().log, []);
}

#[tokio::test]
async fn more_saved_than_is_kept_is_a_bad_answer() {
    let mut plugin = start(&Plugin {
        // option<list<u8>>: some, at 0, 1 MiB and a byte.
        fields: r#"(data (i32.const 512) "\01\00\00\00\00\00\00\00\01\00\10\00")"#,
        save: "(drop (memory.grow (i32.const 16))) (i32.const 512)",
        ..Plugin::default()
    })
    .await;
    let fault = plugin.save().await.unwrap_err();
    assert_eq!(fault.export, "save");
    assert!(matches!(&fault.cause, FaultCause::BadAnswer(_)), "{fault}");
    assert_poisoned(&mut plugin).await;
}

#[tokio::test]
async fn exit_is_a_trap_that_says_so() {
    let mut plugin = start(&Plugin {
        fields: r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#,
        on_data: "(call $exit (i32.const 1)) unreachable",
        wasi: "
            package test:it;
            world all {
              include portunus:port/plugin@0.1.0;
              import wasi:cli/exit@0.2.0;
            }
            package wasi:cli@0.2.0 {
              interface exit { exit: func(status: result); }
            }",
        ..Plugin::default()
    })
    .await;
    let fault = plugin.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    assert_eq!(
        fault.cause,
        FaultCause::Trap("it called exit(1)".to_owned())
    );
}

#[tokio::test]
async fn an_instance_whose_call_was_dropped_is_not_used_again() {
    let mut plugin = start(&Plugin {
        on_data: "(if (i32.eq (local.get $len) (i32.const 2)) (then (loop $again (br $again)))) (local.get $len)",
        ..Plugin::default()
    })
    .await;
    assert_eq!(plugin.on_data(ChannelId::GUEST, b"x").await.unwrap(), 1);
    let call = plugin.on_data(ChannelId::GUEST, b"xx");
    assert!(
        tokio::time::timeout(Duration::from_millis(5), call)
            .await
            .is_err()
    );
    assert_poisoned(&mut plugin).await;
}

#[tokio::test]
async fn a_call_that_was_never_polled_does_no_harm() {
    let mut plugin = start(&Plugin::default()).await;
    drop(plugin.on_data(ChannelId::GUEST, b"x"));
    assert_eq!(plugin.on_data(ChannelId::GUEST, b"x").await.unwrap(), 1);
}

#[tokio::test]
async fn a_plugin_that_traps_at_its_start_does_not_start() {
    let plugin = Plugin {
        fields: "(func $main unreachable) (start $main)",
        ..Plugin::default()
    };
    let Err(fault) = crate::start_within(&plugin, Default::default()).await else {
        panic!("it started")
    };
    assert_eq!(fault.export, "start");
    assert!(fault.backtrace.expect("a backtrace").contains("test!main"));
}

#[tokio::test]
async fn one_plugin_s_fault_is_nothing_to_another() {
    let trap = Plugin {
        on_data: "unreachable",
        ..Plugin::default()
    };
    let mut other = start(&Plugin::default()).await;
    for _ in 0..50 {
        let mut plugin = start(&trap).await;
        assert!(plugin.on_data(ChannelId::GUEST, b"x").await.is_err());
        assert_eq!(other.on_data(ChannelId::GUEST, b"x").await.unwrap(), 1);
    }
}
