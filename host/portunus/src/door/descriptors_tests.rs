//! What a device takes, and what is done about it.

use super::*;
use crate::config::{LoadNothing, Source, read};

fn spec(text: &str) -> Spec {
    read(Source::new("vm.toml", text), &mut LoadNothing)
        .unwrap()
        .spec
}

fn limit(current: u64, maximum: u64) -> Rlimit {
    Rlimit {
        current: Some(current),
        maximum: Some(maximum),
    }
}

#[test]
fn every_queue_and_every_directory_counts() {
    let small = spec("[[port]]\nname = \"a\"\nplugin = \"echo\"\n");
    let large = spec("device.max-ports = 131\n[[port]]\nname = \"a\"\nplugin = \"echo\"\n");
    assert_eq!(needed(&small), 64 * 3 + 509 + 32 * 3 + 64);
    assert_eq!(needed(&large), needed(&small) + 100 * 2 * 3);
    let mut granted = small.clone();
    let folder = tempfile::tempdir().unwrap();
    let dirs = format!(
        "grant.dirs = [{{ host = {:?}, guest = \"/d\", access = \"read\" }}]",
        folder.path()
    );
    granted.ports = spec(&format!(
        "[[port]]\nname = \"a\"\nplugin = \"log\"\n{dirs}\n"
    ))
    .ports;
    assert_eq!(needed(&granted), needed(&small) + 1 + 256);
    let mut listening = small.clone();
    let listen = "listen = { fd = \"a\", clients = 20 }";
    listening.ports = spec(&format!(
        "[[port]]\nname = \"a\"\nplugin = \"echo\"\n{listen}\n"
    ))
    .ports;
    assert_eq!(needed(&listening), needed(&small) + 2 + 20);
    let target = "{ name = \"b\", address = \"tcp:127.0.0.1:1\" }";
    let mut connecting = small.clone();
    connecting.ports = spec(&format!(
        "[[port]]\nname = \"a\"\nplugin = \"echo\"\ngrant.connect = [{target}]\n"
    ))
    .ports;
    assert_eq!(needed(&connecting), needed(&small) + 8);
}

#[test]
fn a_limit_is_raised_as_far_as_it_must_and_may_be() {
    assert_eq!(raised(limit(1_024, 4_096), 1_000), Ok(None));
    assert_eq!(
        raised(limit(1_024, 4_096), 4_096),
        Ok(Some(limit(4_096, 4_096)))
    );
    let refused = raised(limit(1_024, 4_096), 4_097).unwrap_err();
    let words = refused.to_string();
    assert!(
        words.contains("needs 4097 open files") && words.contains("may have 4096"),
        "{words}"
    );
    let boundless = Rlimit {
        current: None,
        maximum: None,
    };
    assert_eq!(raised(boundless, u64::MAX), Ok(None));
}
