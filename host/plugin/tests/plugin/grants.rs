//! What a plugin reaches: what its port grants, and nothing else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use portunus_plugin::{
    Access, ChannelId, DirGrant, FaultCause, Grants, Instance, LimitStruck, Limits,
};

use crate::load;
use crate::recorder::{Deed, Recorder};
use crate::text::Plugin;

/// Opens, in its first directory, the file whose name it is given: to read on
/// channel 0, to write on channel 1. Sends the error code, or 255 where there is
/// none.
const OPENER: Plugin = Plugin {
    fields: r#"
        (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $dirs (param i32)))
        (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
          (func $open (param i32 i32 i32 i32 i32 i32 i32)))
        (import "wasi:filesystem/types@0.2.0" "[method]descriptor.write"
          (func $write (param i32 i32 i32 i64 i32)))
        (import "wasi:filesystem/types@0.2.0" "[resource-drop]descriptor" (func $drop (param i32)))
        (global $dir (mut i32) (i32.const -1))
        (data (i32.const 1024) "written")
        (func $report (param $code i32)
          (i32.store8 (i32.const 600) (local.get $code))
          (call $send (i64.const 0) (i32.const 600) (i32.const 1) (i32.const 640)))"#,
    init: "
        (call $dirs (i32.const 512))
        (call $report (i32.load (i32.const 516)))
        (if (i32.load (i32.const 516)) (then (global.set $dir (i32.load (i32.load (i32.const 512))))))
        i32.const 0",
    on_data: "
        (call $open (global.get $dir) (i32.const 1) (local.get $data) (local.get $len)
          (if (result i32) (i64.eqz (local.get $channel)) (then (i32.const 0)) (else (i32.const 9)))
          (if (result i32) (i64.eqz (local.get $channel)) (then (i32.const 1)) (else (i32.const 2)))
          (i32.const 512))
        (if (i32.load8_u (i32.const 512))
          (then (call $report (i32.load8_u (i32.const 516))))
          (else
            (if (i64.eqz (local.get $channel)) (then) (else
              (call $write (i32.load (i32.const 516)) (i32.const 1024) (i32.const 7) (i64.const 0) (i32.const 528))
              (if (i32.load8_u (i32.const 528)) (then unreachable))))
            (call $drop (i32.load (i32.const 516)))
            (call $report (i32.const 255))))
        (local.get $len)",
    on_open: "",
    on_timer: "",
    on_stop: "",
    save: "i32.const 0",
    wasi: "
        package test:it;
        world all {
          include portunus:port/plugin@0.1.0;
          import wasi:filesystem/preopens@0.2.0;
        }
        package wasi:filesystem@0.2.0 {
          interface types {
            type filesize = u64;
            flags path-flags { symlink-follow }
            flags open-flags { create, directory, exclusive, truncate }
            flags descriptor-flags {
              read, write, file-integrity-sync, data-integrity-sync, requested-write-sync,
              mutate-directory
            }
            enum error-code {
              access, would-block, already, bad-descriptor, busy, deadlock, quota, exist,
              file-too-large, illegal-byte-sequence, in-progress, interrupted, invalid, io,
              is-directory, loop, too-many-links, message-size, name-too-long, no-device,
              no-entry, no-lock, insufficient-memory, insufficient-space, not-directory,
              not-empty, not-recoverable, unsupported, no-tty, no-such-device, overflow,
              not-permitted, pipe, read-only, invalid-seek, text-file-busy, cross-device
            }
            resource descriptor {
              open-at: func(path-flags: path-flags, path: string, open-flags: open-flags,
                %flags: descriptor-flags) -> result<descriptor, error-code>;
              write: func(buffer: list<u8>, offset: filesize) -> result<filesize, error-code>;
            }
          }
          interface preopens {
            use types.{descriptor};
            get-directories: func() -> list<tuple<descriptor, string>>;
          }
        }",
};

const OPENED: u8 = 255;
const NOT_PERMITTED: u8 = 31;

async fn opener(grants: &Grants, limits: &Limits) -> Instance<Recorder> {
    let mut plugin = Instance::start(&load(&OPENER), limits, grants, Recorder::default())
        .await
        .unwrap();
    let port = portunus_plugin::PortInfo {
        vm: String::new(),
        name: String::new(),
        id: 1,
        console: false,
        lossy: false,
    };
    assert_eq!(plugin.init(&port, "{}", None).await.unwrap(), Ok(()));
    assert_eq!(
        reported(&mut plugin),
        u8::try_from(grants.dirs.len()).unwrap()
    );
    plugin
}

fn reported(plugin: &mut Instance<Recorder>) -> u8 {
    match plugin.host_mut().deeds.pop() {
        Some(Deed::Sent(_, code)) => code[0],
        other => panic!("{other:?}"),
    }
}

async fn open(plugin: &mut Instance<Recorder>, how: Access, path: &str) -> u8 {
    let channel = match how {
        Access::Read => ChannelId(0),
        Access::Write => ChannelId(1),
    };
    plugin.on_data(channel, path.as_bytes()).await.unwrap();
    reported(plugin)
}

fn grant(host: &Path, access: Access) -> Grants {
    Grants {
        dirs: vec![DirGrant {
            host: host.to_owned(),
            guest: "/data".to_owned(),
            access,
        }],
    }
}

#[tokio::test]
async fn without_a_grant_there_is_no_directory() {
    opener(&Grants::default(), &Limits::default()).await;
}

#[tokio::test]
async fn a_directory_granted_to_write_is_read_and_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("old"), "old").unwrap();
    let mut plugin = opener(&grant(dir.path(), Access::Write), &Limits::default()).await;
    assert_eq!(open(&mut plugin, Access::Read, "old").await, OPENED);
    assert_eq!(open(&mut plugin, Access::Write, "new").await, OPENED);
    assert_eq!(
        fs::read_to_string(dir.path().join("new")).unwrap(),
        "written"
    );
}

#[tokio::test]
async fn a_directory_granted_to_read_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("old"), "old").unwrap();
    let mut plugin = opener(&grant(dir.path(), Access::Read), &Limits::default()).await;
    assert_eq!(open(&mut plugin, Access::Read, "old").await, OPENED);
    assert_eq!(open(&mut plugin, Access::Write, "old").await, NOT_PERMITTED);
    assert_eq!(open(&mut plugin, Access::Write, "new").await, NOT_PERMITTED);
    assert_eq!(fs::read_to_string(dir.path().join("old")).unwrap(), "old");
    assert!(!dir.path().join("new").exists());
}

#[tokio::test]
async fn nothing_leads_out_of_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::write(dir.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret", inside.join("link")).unwrap();
    std::os::unix::fs::symlink(dir.path(), inside.join("up")).unwrap();
    let mut plugin = opener(&grant(&inside, Access::Write), &Limits::default()).await;
    for path in [
        "../secret",
        "link",
        "up/secret",
        "/etc/passwd",
        "../inside/../secret",
    ] {
        for how in [Access::Read, Access::Write] {
            assert_eq!(open(&mut plugin, how, path).await, NOT_PERMITTED, "{path}");
        }
    }
    assert_eq!(
        fs::read_to_string(dir.path().join("secret")).unwrap(),
        "secret"
    );
}

#[tokio::test]
async fn a_granted_directory_that_is_not_there_is_told_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let grants = grant(&missing, Access::Write);
    let started = Instance::start(
        &load(&OPENER),
        &Limits::default(),
        &grants,
        Recorder::default(),
    )
    .await;
    let Err(fault) = started else {
        panic!("it started")
    };
    assert_eq!(fault.export, "start");
    assert!(
        matches!(&fault.cause, FaultCause::Grant(error) if error.host == missing),
        "{fault}"
    );
    assert!(fault.to_string().contains("No such file"), "{fault}");
}

#[tokio::test]
async fn a_file_system_that_does_not_answer_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let wall = Duration::from_millis(30);
    let limits = Limits {
        wall,
        ..Limits::default()
    };
    let mut plugin = opener(&grant(dir.path(), Access::Read), &limits).await;
    // Opening a pipe waits for its other end.
    let fault = plugin.on_data(ChannelId::GUEST, b"pipe").await.unwrap_err();
    assert_eq!(
        fault.cause,
        FaultCause::Limit(LimitStruck::Wall { limit: wall })
    );
    // And so that the waiting thread ends with the test:
    fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
}

/// Logs how many variables and arguments it has, and tries to look up a name
/// and to make a socket.
#[tokio::test]
async fn without_a_grant_there_is_no_environment_and_no_network() {
    let plugin = Plugin {
        fields: r#"
            (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
            (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
            (import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket" (func $socket (param i32 i32)))"#,
        on_data: "
            (call $environment (i32.const 512))
            (if (i32.load (i32.const 516)) (then unreachable))
            (call $arguments (i32.const 512))
            (if (i32.load (i32.const 516)) (then unreachable))
            (call $socket (i32.const 0) (i32.const 512))
            ;; result<tcp-socket, error-code>: access-denied
            (if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))
            (if (i32.ne (i32.load8_u (i32.const 516)) (i32.const 1)) (then unreachable))
            (local.get $len)",
        wasi: "
            package test:it;
            world all {
              include portunus:port/plugin@0.1.0;
              import wasi:cli/environment@0.2.0;
              import wasi:sockets/tcp-create-socket@0.2.0;
            }
            package wasi:cli@0.2.0 {
              interface environment {
                get-environment: func() -> list<tuple<string, string>>;
                get-arguments: func() -> list<string>;
              }
            }
            package wasi:sockets@0.2.0 {
              interface network {
                enum ip-address-family { ipv4, ipv6 }
                enum error-code {
                  unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
                  concurrency-conflict, not-in-progress, would-block, invalid-state,
                  new-socket-limit, address-not-bindable, address-in-use, remote-unreachable,
                  connection-refused, connection-reset, connection-aborted, datagram-too-large,
                  name-unresolvable, temporary-resolver-failure, permanent-resolver-failure
                }
              }
              interface tcp { resource tcp-socket; }
              interface tcp-create-socket {
                use network.{error-code, ip-address-family};
                use tcp.{tcp-socket};
                create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
              }
            }",
        ..Plugin::default()
    };
    let mut plugin = crate::start(&plugin).await;
    assert_eq!(plugin.on_data(ChannelId::GUEST, b"x").await.unwrap(), 1);
}
