//! A plugin that was built for a published contract works in this host.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use portunus_plugin::{
    ChannelId, ChannelOrder, Client, CloseReason, Component, Grants, Instance, Limits, LogLevel,
    Measure, OpenReason, Peer, PortInfo,
};
use sha2::{Digest, Sha256};
use wit_component::{DecodedWasm, WitPrinter, decode};

use crate::engine;
use crate::recorder::{Deed, Recorder};
use crate::text::{contract_path, encode};

fn published(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/contract")
        .join(file)
}

fn port() -> PortInfo {
    PortInfo {
        vm: "machine".into(),
        name: "org.example.0".into(),
        id: 5,
        console: false,
        lossy: true,
    }
}

async fn start() -> Instance<Recorder> {
    let component = Component::load_file(engine(), &published("0.1.0.wasm")).unwrap();
    let host = Recorder::default();
    Instance::start(&component, &Limits::default(), &Grants::default(), host)
        .await
        .unwrap()
}

fn deeds(plugin: &mut Instance<Recorder>) -> Vec<Deed> {
    std::mem::take(&mut plugin.host_mut().deeds)
}

fn gauge(name: &str, value: f64) -> Deed {
    Deed::Measured(name.into(), Measure::Gauge(value))
}

fn count(name: &str, by: u64) -> Deed {
    Deed::Measured(name.into(), Measure::Count(by))
}

#[test]
fn the_published_plugin_is_the_one_that_was_published() {
    let bytes = fs::read(published("0.1.0.wasm")).unwrap();
    assert!(bytes.len() < 100 << 10);
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let written = fs::read_to_string(published("0.1.0.sha256")).unwrap();
    assert_eq!(written, format!("{hex}  0.1.0.wasm\n"));
}

#[tokio::test]
async fn init_of_the_published_plugin_has_the_port_its_configuration_and_what_was_saved() {
    let mut plugin = start().await;
    let saved = Some(&b"saved"[..]);
    assert_eq!(
        plugin.init(&port(), r#"{"a": 1}"#, saved).await.unwrap(),
        Ok(())
    );
    let said = [
        (LogLevel::Error, "machine".to_owned()),
        (LogLevel::Warn, "org.example.0".to_owned()),
        (LogLevel::Info, r#"{"a": 1}"#.to_owned()),
    ];
    assert_eq!(plugin.host().log, said);
    assert_eq!(deeds(&mut plugin), [count("id", 5), gauge("saved", 5.0)]);

    let refused = start().await.init(&port(), "{}", None).await.unwrap();
    assert_eq!(refused, Err("nothing is said".to_owned()));
}

#[tokio::test]
async fn every_other_call_of_the_published_plugin_does_what_it_did() {
    let mut plugin = start().await;
    let guest = ChannelId::GUEST;
    plugin
        .on_open(guest, &Peer::Guest, &OpenReason::New)
        .await
        .unwrap();
    let connected = Deed::Connected("granted".into());
    let timer = Deed::SetTimer(7, Duration::from_millis(250));
    assert_eq!(
        deeds(&mut plugin),
        [gauge("peer", 0.0), gauge("why", 0.0), connected, timer]
    );
    let peers = [
        Peer::Client(Client {
            pid: 1,
            uid: 2,
            gid: 3,
        }),
        Peer::Target("db".into()),
        Peer::Other("?".into()),
    ];
    let whys = [
        OpenReason::Reloaded,
        OpenReason::Restarted,
        OpenReason::Other("?".into()),
    ];
    for (number, (peer, why)) in [1.0, 2.0, 3.0].into_iter().zip(peers.iter().zip(&whys)) {
        plugin.on_open(ChannelId(7), peer, why).await.unwrap();
        assert_eq!(
            deeds(&mut plugin),
            [gauge("peer", number), gauge("why", number)]
        );
    }

    assert_eq!(plugin.on_data(guest, b"abc").await.unwrap(), 3);
    plugin.host_mut().send = Some(Ok(2));
    assert_eq!(plugin.on_data(guest, b"def").await.unwrap(), 2);
    plugin.on_writable(guest).await.unwrap();
    plugin.on_end(ChannelId(7)).await.unwrap();
    plugin.on_timer(9).await.unwrap();
    let expected = [
        Deed::Sent(guest, b"abc".to_vec()),
        Deed::Sent(guest, b"def".to_vec()),
        Deed::Steered(guest, ChannelOrder::Resume),
        Deed::Steered(ChannelId(7), ChannelOrder::Finish),
        count("token", 9),
        Deed::Steered(guest, ChannelOrder::Pause),
    ];
    assert_eq!(deeds(&mut plugin), expected);

    let whys = [
        CloseReason::Closed,
        CloseReason::Refused("?".into()),
        CloseReason::Lost("?".into()),
        CloseReason::Other("?".into()),
    ];
    for (number, why) in [0.0, 1.0, 2.0, 3.0].into_iter().zip(&whys) {
        plugin.on_close(ChannelId(7), why).await.unwrap();
        let close = Deed::Steered(ChannelId(7), ChannelOrder::Close);
        let expected = [gauge("why", number), Deed::CancelledTimer(7), close];
        assert_eq!(deeds(&mut plugin), expected);
    }

    assert_eq!(plugin.save().await.unwrap(), Some(b"kept".to_vec()));
    plugin.on_stop(Duration::from_millis(1_500)).await.unwrap();
    assert_eq!(deeds(&mut plugin), [gauge("grace", 1_500.0), Deed::Stopped]);
}

/// Every interface and type that a component names, as WIT.
fn spelled_out(component: &[u8]) -> String {
    let DecodedWasm::Component(resolve, world) = decode(component).unwrap() else {
        panic!("no component")
    };
    let main = resolve.worlds[world].package.unwrap();
    let others: Vec<_> = resolve
        .packages
        .iter()
        .map(|(id, _)| id)
        .filter(|&id| id != main)
        .collect();
    let mut printer = WitPrinter::default();
    printer.print(&resolve, main, &others).unwrap();
    printer.output.to_string()
}

#[test]
fn nothing_that_the_published_plugin_uses_is_spelled_otherwise_today() {
    let text = fs::read_to_string(published("0.1.0.wat")).unwrap();
    let today = fs::read_to_string(contract_path()).unwrap();
    let then = spelled_out(&fs::read(published("0.1.0.wasm")).unwrap());
    assert!(
        then.contains("on-data") && then.contains("connect-error"),
        "{then}"
    );
    assert_eq!(spelled_out(&encode(&text, &today, "")), then);
}
