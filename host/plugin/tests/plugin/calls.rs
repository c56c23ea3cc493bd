//! Calls that end well: both halves of the contract, word by word.

use std::time::Duration;

use portunus_plugin::{
    ChannelId, ChannelOrder, Client, CloseReason, LogLevel, MAX_DELIVERY_BYTES, Measure,
    OpenReason, Peer, PortInfo, SendError,
};

use crate::recorder::Deed;
use crate::start;
use crate::text::Plugin;

fn port() -> PortInfo {
    PortInfo {
        vm: "vm".to_owned(),
        name: "org.example.test.0".to_owned(),
        id: 3,
        console: false,
        lossy: true,
    }
}

/// Sends what it gets, and takes as many bytes as were sent.
pub(crate) const ECHO: &str = "
    (call $send (local.get $channel) (local.get $data) (local.get $len) (i32.const 512))
    (if (result i32) (i32.load8_u (i32.const 512)) (then (i32.const 0)) (else (i32.load (i32.const 516))))";

#[tokio::test]
async fn bytes_reach_the_plugin_and_come_back() {
    let mut plugin = start(&Plugin {
        on_data: ECHO,
        ..Plugin::default()
    })
    .await;
    let data: Vec<u8> = (0..=250).cycle().take(MAX_DELIVERY_BYTES).collect();
    for part in [&data[..1], &data[..4096], &data[..]] {
        assert_eq!(
            plugin.on_data(ChannelId::GUEST, part).await.unwrap(),
            part.len()
        );
        assert_eq!(
            plugin.host_mut().deeds.pop(),
            Some(Deed::Sent(ChannelId::GUEST, part.to_vec()))
        );
    }
}

#[tokio::test]
async fn send_reads_the_bytes_where_the_plugin_has_them() {
    let mut plugin = start(&Plugin {
        on_data: ECHO,
        ..Plugin::default()
    })
    .await;
    // The plugin has what it is given at address 4,096 of its memory, which
    // begins at a page: a copy would be somewhere else each time.
    let mut seen = Vec::new();
    for len in [1, 100, 60_000] {
        plugin
            .on_data(ChannelId::GUEST, &vec![1; len])
            .await
            .unwrap();
        seen.push(plugin.host().sent_at);
    }
    assert_eq!(seen[0] % 4_096, 0);
    assert_eq!(seen, [seen[0]; 3]);
}

#[tokio::test]
async fn a_short_send_and_a_refused_one_reach_the_plugin() {
    let mut plugin = start(&Plugin {
        on_data: ECHO,
        ..Plugin::default()
    })
    .await;
    plugin.host_mut().send = Some(Ok(2));
    assert_eq!(plugin.on_data(ChannelId(9), b"abc").await.unwrap(), 2);
    plugin.host_mut().send = Some(Err(SendError::NotOpen));
    assert_eq!(plugin.on_data(ChannelId(9), b"abc").await.unwrap(), 0);
    // A host that claims too much is not believed.
    plugin.host_mut().send = Some(Ok(usize::MAX));
    assert_eq!(plugin.on_data(ChannelId(9), b"abc").await.unwrap(), 3);
}

#[tokio::test]
async fn every_import_reaches_the_host() {
    let mut plugin = start(&Plugin {
        fields: r#"(data (i32.const 1024) "granted") (data (i32.const 1040) "bytes_in")"#,
        on_timer: "
            (call $pause (i64.const 1)) (call $resume (i64.const 2))
            (call $finish (i64.const 3)) (call $close (i64.const 4))
            (call $connect (i32.const 1024) (i32.const 7) (i32.const 512))
            ;; result<u64, connect-error>: the id of the channel that connects
            (if (i32.load8_u (i32.const 512)) (then unreachable))
            (call $pause (i64.load (i32.const 520)))
            (call $set_timer (local.get $token) (i64.const 1500) (i32.const 512))
            (call $cancel_timer (i64.const 6))
            (call $count (i32.const 1040) (i32.const 8) (i64.const 5))
            (call $gauge (i32.const 1040) (i32.const 8) (f64.const 0.5))
            (call $stopped)
            (call $log (i32.const 0) (i32.const 1024) (i32.const 7))",
        ..Plugin::default()
    })
    .await;
    plugin.on_timer(u64::MAX).await.unwrap();
    assert_eq!(
        plugin.host().deeds,
        [
            Deed::Steered(ChannelId(1), ChannelOrder::Pause),
            Deed::Steered(ChannelId(2), ChannelOrder::Resume),
            Deed::Steered(ChannelId(3), ChannelOrder::Finish),
            Deed::Steered(ChannelId(4), ChannelOrder::Close),
            Deed::Connected("granted".to_owned()),
            Deed::Steered(ChannelId(7), ChannelOrder::Pause),
            Deed::SetTimer(u64::MAX, Duration::from_millis(1500)),
            Deed::CancelledTimer(6),
            Deed::Measured("bytes_in".to_owned(), Measure::Count(5)),
            Deed::Measured("bytes_in".to_owned(), Measure::Gauge(0.5)),
            Deed::Stopped,
        ]
    );
    assert_eq!(plugin.host().log, [(LogLevel::Error, "granted".to_owned())]);
}

#[tokio::test]
async fn init_gets_the_port_its_configuration_and_what_was_saved() {
    let mut plugin = start(&Plugin {
        init: "
            (call $log (i32.const 2) (local.get $vm) (local.get $vm_len))
            (call $log (i32.const 2) (local.get $name) (local.get $name_len))
            (call $log (i32.const 2) (local.get $config) (local.get $config_len))
            (if (local.get $is_saved) (then
              (call $log (i32.const 3) (local.get $saved) (local.get $saved_len))))
            (if (i32.ne (local.get $id) (i32.const 3)) (then unreachable))
            (if (local.get $console) (then unreachable))
            (if (i32.eqz (local.get $lossy)) (then unreachable))
            i32.const 0",
        ..Plugin::default()
    })
    .await;
    assert_eq!(plugin.init(&port(), "{}", None).await.unwrap(), Ok(()));
    assert_eq!(
        plugin
            .init(&port(), r#"{"a":1}"#, Some(b"kept"))
            .await
            .unwrap(),
        Ok(())
    );
    assert_eq!(
        plugin.host().lines(),
        [
            "vm",
            "org.example.test.0",
            "{}",
            "vm",
            "org.example.test.0",
            r#"{"a":1}"#,
            "kept"
        ]
    );
}

#[tokio::test]
async fn init_that_refuses_says_why_in_one_clean_line() {
    let mut plugin = start(&Plugin {
        // result<_, string>: an error, at 1,024, ten bytes.
        fields: r#"(data (i32.const 512) "\01\00\00\00\00\04\00\00\0a\00\00\00") (data (i32.const 1024) "no\n\1b[31mit")"#,
        init: "i32.const 512",
        ..Plugin::default()
    })
    .await;
    let refusal = plugin.init(&port(), "{}", None).await.unwrap();
    assert_eq!(refusal, Err("no\\n\\u{1b}[31mit".to_owned()));
    // It refused, and did not fail: it can be asked again.
    assert!(plugin.init(&port(), "{}", None).await.unwrap().is_err());
}

#[tokio::test]
async fn peers_and_reasons_arrive_as_what_they_are() {
    let mut plugin = start(&Plugin {
        on_open: "
            ;; peer, its first field, reason
            (i32.store8 (i32.const 512) (i32.add (local.get $peer) (i32.const 48)))
            (i32.store8 (i32.const 513) (i32.add (local.get $why) (i32.const 48)))
            (call $log (i32.const 2) (i32.const 512) (i32.const 2))
            (if (i32.ge_u (local.get $peer) (i32.const 2)) (then
              (call $log (i32.const 2) (local.get $peer_1) (local.get $peer_2))))
            (if (i32.eq (local.get $peer) (i32.const 1)) (then
              (if (i32.ne (local.get $peer_1) (i32.const 10)) (then unreachable))
              (if (i32.ne (local.get $peer_2) (i32.const 20)) (then unreachable))
              (if (i32.ne (local.get $peer_3) (i32.const 30)) (then unreachable))))",
        ..Plugin::default()
    })
    .await;
    let client = Peer::Client(Client {
        pid: 10,
        uid: 20,
        gid: 30,
    });
    plugin
        .on_open(ChannelId::GUEST, &Peer::Guest, &OpenReason::New)
        .await
        .unwrap();
    plugin
        .on_open(ChannelId(1), &client, &OpenReason::Restarted)
        .await
        .unwrap();
    let target = Peer::Target("db".to_owned());
    plugin
        .on_open(ChannelId(2), &target, &OpenReason::Reloaded)
        .await
        .unwrap();
    assert_eq!(plugin.host().lines(), ["00", "12", "21", "db"]);
}

#[tokio::test]
async fn the_calls_without_an_answer_end_well() {
    let mut plugin = start(&Plugin {
        on_stop: "(if (i32.ne (local.get $grace_ms) (i32.const 1500)) (then unreachable)) (call $stopped)",
        ..Plugin::default()
    })
    .await;
    plugin.on_writable(ChannelId(1)).await.unwrap();
    plugin.on_end(ChannelId(1)).await.unwrap();
    plugin
        .on_close(ChannelId(1), &CloseReason::Lost("away".to_owned()))
        .await
        .unwrap();
    plugin.on_stop(Duration::from_millis(1500)).await.unwrap();
    assert_eq!(plugin.host().deeds, [Deed::Stopped]);
}

#[tokio::test]
async fn save_returns_what_the_plugin_keeps_or_nothing() {
    let mut none = start(&Plugin::default()).await;
    assert_eq!(none.save().await.unwrap(), None);
    let mut some = start(&Plugin {
        // option<list<u8>>: some, at 1,024, four bytes.
        fields: r#"(data (i32.const 512) "\01\00\00\00\00\04\00\00\04\00\00\00") (data (i32.const 1024) "kept")"#,
        save: "i32.const 512",
        ..Plugin::default()
    })
    .await;
    assert_eq!(some.save().await.unwrap(), Some(b"kept".to_vec()));
    assert_eq!(some.memory_bytes(), 4 * 65_536);
}

#[tokio::test]
async fn calls_can_be_awaited_on_any_thread() {
    let mut plugin = start(&Plugin {
        on_data: ECHO,
        ..Plugin::default()
    })
    .await;
    let task = tokio::spawn(async move { plugin.on_data(ChannelId::GUEST, b"abc").await.unwrap() });
    assert_eq!(task.await.unwrap(), 3);
}
