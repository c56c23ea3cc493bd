//! What a plugin says and counts: escaped, bounded, and counted where dropped.

use portunus_plugin::{ChannelId, Instance, Limits, LogLevel};

use crate::recorder::Recorder;
use crate::text::Plugin;
use crate::{start, start_within};

/// Bytes of one message at most, by default.
const LOG_BYTES: usize = 4 << 10;

/// A plugin that prints, to standard output or error, what it is given.
const PRINTER: Plugin = Plugin {
    fields: r#"
        (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get_stdout (result i32)))
        (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $get_stderr (result i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.write"
          (func $write (param i32 i32 i32 i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.check-write"
          (func $check_write (param i32 i32)))
        (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream"
          (func $drop (param i32)))
        (func $print (param $stream i32) (param $data i32) (param $len i32)
          (call $check_write (local.get $stream) (i32.const 512))
          (call $write (local.get $stream) (local.get $data) (local.get $len) (i32.const 512))
          (if (i32.load8_u (i32.const 512)) (then unreachable))
          (call $drop (local.get $stream)))"#,
    // Channel 0 is standard output, 1 standard error, 2 both it and the log,
    // and 3 standard output and a trap.
    on_data: "
        (call $print
          (if (result i32) (i64.eq (local.get $channel) (i64.const 1))
            (then (call $get_stderr)) (else (call $get_stdout)))
          (local.get $data) (local.get $len))
        (if (i64.eq (local.get $channel) (i64.const 2)) (then
          (call $log (i32.const 3) (local.get $data) (local.get $len))))
        (if (i64.eq (local.get $channel) (i64.const 3)) (then unreachable))
        (local.get $len)",
    init: "i32.const 0",
    on_open: "",
    on_timer: "",
    on_stop: "",
    save: "i32.const 0",
    wasi: "
        package test:it;
        world all {
          include portunus:port/plugin@0.1.0;
          import wasi:cli/stdout@0.2.0;
          import wasi:cli/stderr@0.2.0;
        }
        package wasi:io@0.2.0 {
          interface error { resource error; }
          interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource output-stream {
              check-write: func() -> result<u64, stream-error>;
              write: func(contents: list<u8>) -> result<_, stream-error>;
            }
          }
        }
        package wasi:cli@0.2.0 {
          interface stdout {
            use wasi:io/streams@0.2.0.{output-stream};
            get-stdout: func() -> output-stream;
          }
          interface stderr {
            use wasi:io/streams@0.2.0.{output-stream};
            get-stderr: func() -> output-stream;
          }
        }",
};

async fn logs(level: u8, text: &[u8]) -> Vec<(LogLevel, String)> {
    let mut plugin = start(&Plugin {
        on_data: "
            (call $log (i32.load8_u (local.get $data))
              (i32.add (local.get $data) (i32.const 1)) (i32.sub (local.get $len) (i32.const 1)))
            (local.get $len)",
        ..Plugin::default()
    })
    .await;
    let message = [&[level], text].concat();
    plugin.on_data(ChannelId::GUEST, &message).await.unwrap();
    std::mem::take(&mut plugin.host_mut().log)
}

#[tokio::test]
async fn a_message_has_its_level_and_no_control_characters() {
    let levels = [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];
    for (index, level) in (0..).zip(levels) {
        let expected = [(level, "a\\nb\\u{1b}[2J".to_owned())];
        assert_eq!(logs(index, b"a\nb\x1b[2J").await, expected);
    }
}

#[tokio::test]
async fn a_long_message_is_cut_and_says_so() {
    let log = logs(2, &vec![b'x'; LOG_BYTES]).await;
    assert_eq!(log[0].1, "x".repeat(LOG_BYTES));
    let log = logs(2, &vec![b'x'; LOG_BYTES + 10]).await;
    assert_eq!(log[0].1, "x".repeat(LOG_BYTES) + "... (cut, 10 bytes more)");
}

#[tokio::test]
async fn a_flood_of_messages_is_dropped_and_counted() {
    let mut plugin = start(&Plugin {
        on_timer: "
            (loop $again
              (call $log (i32.const 2) (i32.const 1024) (i32.const 1))
              (br_if $again (i32.wrap_i64
                (local.tee $token (i64.sub (local.get $token) (i64.const 1))))))",
        ..Plugin::default()
    })
    .await;
    // More than fit even if this takes a minute.
    plugin.on_timer(100_000).await.unwrap();
    let admitted = Limits::DEFAULT.log_rate;
    let lost = plugin.losses().log_messages;
    assert!(plugin.host().log.len() as u64 >= admitted);
    assert!(lost >= 100_000 - 60 * admitted, "{lost}");
    // None came through beside those that were counted, and what told of them.
    let plain = plugin
        .host()
        .lines()
        .iter()
        .filter(|line| !line.contains("dropped"))
        .count();
    assert_eq!(plain as u64 + lost, 100_000);
}

#[tokio::test]
async fn what_a_flood_lost_is_told_at_the_end_at_latest() {
    let mut plugin = start(&Plugin {
        on_timer: "
            (loop $again
              (call $log (i32.const 2) (i32.const 1024) (i32.const 1))
              (br_if $again (i32.wrap_i64
                (local.tee $token (i64.sub (local.get $token) (i64.const 1))))))
            unreachable",
        ..Plugin::default()
    })
    .await;
    plugin.on_timer(50_000).await.unwrap_err();
    let told: u64 = plugin
        .host()
        .lines()
        .iter()
        .filter_map(|line| {
            line.split_once(" messages were dropped")?
                .0
                .parse::<u64>()
                .ok()
        })
        .sum();
    assert_eq!(told, plugin.losses().log_messages);
}

async fn print(plugin: &mut Instance<Recorder>, channel: u64, text: &[u8]) {
    plugin.on_data(ChannelId(channel), text).await.unwrap();
}

#[tokio::test]
async fn printed_lines_go_to_the_log_whole() {
    let mut plugin = start(&PRINTER).await;
    print(&mut plugin, 0, b"one\ntw").await;
    print(&mut plugin, 1, b"careful\n").await;
    print(&mut plugin, 0, b"o\n\x07").await;
    let log = |level, line: &str| (level, line.to_owned());
    assert_eq!(
        plugin.host().log,
        [
            log(LogLevel::Info, "one"),
            log(LogLevel::Warn, "careful"),
            log(LogLevel::Info, "two")
        ]
    );
}

#[tokio::test]
async fn printed_lines_come_before_what_is_logged_after_them() {
    let mut plugin = start(&PRINTER).await;
    print(&mut plugin, 2, b"x\n").await;
    let log = |level, line: &str| (level, line.to_owned());
    assert_eq!(
        plugin.host().log,
        [log(LogLevel::Info, "x"), log(LogLevel::Debug, "x\\n")]
    );
}

#[tokio::test]
async fn the_last_words_before_a_trap_are_told() {
    let mut plugin = start(&PRINTER).await;
    plugin
        .on_data(ChannelId(3), b"panicked at 'no'")
        .await
        .unwrap_err();
    assert_eq!(plugin.host().lines(), ["panicked at 'no'"]);
}

#[tokio::test]
async fn more_printed_than_there_is_room_for_is_counted_and_told() {
    let mut plugin = start(&Plugin {
        // Prints what it is given twice.
        on_data: "
            (call $print (call $get_stdout) (local.get $data) (local.get $len))
            (call $print (call $get_stdout) (local.get $data) (local.get $len))
            (local.get $len)",
        fields: PRINTER.fields,
        wasi: PRINTER.wasi,
        ..Plugin::default()
    })
    .await;
    plugin
        .on_data(ChannelId::GUEST, &[b'x'; 60_000])
        .await
        .unwrap();
    let lost = 120_000 - Limits::DEFAULT.output_bytes;
    assert_eq!(plugin.losses().output_bytes, lost);
    let told = format!("{lost} printed bytes were dropped");
    assert!(
        plugin.host().lines().last().unwrap().starts_with(&told),
        "{:?}",
        plugin.host().log
    );
}

#[tokio::test]
async fn metrics_are_bounded_in_name_and_number() {
    let mut plugin = start(&Plugin {
        on_data: "(call $count (local.get $data) (local.get $len) (i64.const 1)) (local.get $len)",
        ..Plugin::default()
    })
    .await;
    for index in 0..Limits::DEFAULT.metrics {
        print(&mut plugin, 0, format!("name_{index}").as_bytes()).await;
    }
    for refused in ["one_more", "Bad-Name\x1b", "", "another"] {
        print(&mut plugin, 0, refused.as_bytes()).await;
    }
    assert_eq!(plugin.host().deeds.len(), 64);
    assert_eq!(plugin.losses().measures, 4);
    // The first of them is told, and no other.
    assert_eq!(
        plugin.host().log,
        [(
            LogLevel::Warn,
            "metric one_more is ignored: the limit of names, `metrics`, is 64".to_owned()
        )]
    );
}

#[tokio::test]
async fn a_port_s_own_limits_bound_what_its_plugin_says_and_counts() {
    let limits = Limits {
        log_bytes: 5,
        log_rate: 3,
        metrics: 1,
        ..Limits::default()
    };
    let mut plugin = start_within(
        &Plugin {
            on_data: "
                (call $count (local.get $data) (local.get $len) (i64.const 1))
                (call $log (i32.const 2) (local.get $data) (local.get $len))
                (local.get $len)",
            ..Plugin::default()
        },
        limits,
    )
    .await
    .unwrap();
    // The second one's name makes a message of its own, which is the third.
    for words in ["one", "a_second", "three"] {
        print(&mut plugin, 0, words.as_bytes()).await;
    }
    assert_eq!(
        plugin.host().lines(),
        [
            "one",
            "metri... (cut, 58 bytes more)",
            "a_sec... (cut, 3 bytes more)"
        ]
    );
    let losses = plugin.losses();
    assert_eq!(
        (
            losses.log_messages,
            losses.log_messages_cut,
            losses.measures
        ),
        (1, 2, 2)
    );
}

#[tokio::test]
async fn a_port_s_own_limit_bounds_what_its_plugin_prints() {
    let limits = Limits {
        output_bytes: 10,
        ..Limits::default()
    };
    let mut plugin = start_within(&PRINTER, limits).await.unwrap();
    print(&mut plugin, 0, b"0123456789abcdef").await;
    assert_eq!(plugin.losses().output_bytes, 6);
    assert_eq!(
        plugin.host().lines(),
        ["6 printed bytes were dropped: the limit, `output`, is 10 at once"]
    );
}
