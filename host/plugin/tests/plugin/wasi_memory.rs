//! What the host holds for a plugin that uses WASI does not grow without a bound.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use portunus_plugin::{
    Access, ChannelId, DirGrant, FaultCause, Grants, Instance, LimitStruck, Limits, PortInfo,
};

use crate::recorder::{Deed, Recorder};
use crate::text::Plugin;
use crate::{load, start};

/// Begins to list its directory on channel 0; on channel 1 sends the next
/// entry's name, a byte of its type before it, or nothing at the end.
const LISTER: Plugin = Plugin {
    fields: r#"
        (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $dirs (param i32)))
        (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read-directory"
          (func $list (param i32 i32)))
        (import "wasi:filesystem/types@0.2.0"
          "[method]directory-entry-stream.read-directory-entry" (func $next (param i32 i32)))
        (import "wasi:filesystem/types@0.2.0" "[resource-drop]directory-entry-stream"
          (func $drop (param i32)))
        (global $dir (mut i32) (i32.const -1))
        (global $listing (mut i32) (i32.const -1))"#,
    init: "
        (call $dirs (i32.const 512))
        (global.set $dir (i32.load (i32.load (i32.const 512))))
        i32.const 0",
    on_data: "
        (if (i64.eqz (local.get $channel))
          (then
            (call $list (global.get $dir) (i32.const 512))
            (if (i32.load8_u (i32.const 512)) (then unreachable))
            (global.set $listing (i32.load (i32.const 516))))
          (else
            (call $next (global.get $listing) (i32.const 512))
            (if (i32.load8_u (i32.const 512)) (then unreachable))
            (if (i32.load8_u (i32.const 516))
              (then
                ;; The name goes to 1024, behind its type.
                (i32.store8 (i32.const 1023) (i32.load8_u (i32.const 520)))
                (memory.copy (i32.const 1024) (i32.load (i32.const 524)) (i32.load (i32.const 528)))
                (call $send (i64.const 0) (i32.const 1023)
                  (i32.add (i32.load (i32.const 528)) (i32.const 1)) (i32.const 640)))
              (else
                (call $drop (global.get $listing))
                (call $send (i64.const 0) (i32.const 1024) (i32.const 0) (i32.const 640))))))
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
            enum descriptor-type {
              unknown, block-device, character-device, directory, fifo, symbolic-link,
              regular-file, socket
            }
            enum error-code {
              access, would-block, already, bad-descriptor, busy, deadlock, quota, exist,
              file-too-large, illegal-byte-sequence, in-progress, interrupted, invalid, io,
              is-directory, loop, too-many-links, message-size, name-too-long, no-device,
              no-entry, no-lock, insufficient-memory, insufficient-space, not-directory,
              not-empty, not-recoverable, unsupported, no-tty, no-such-device, overflow,
              not-permitted, pipe, read-only, invalid-seek, text-file-busy, cross-device
            }
            record directory-entry { %type: descriptor-type, name: string }
            resource directory-entry-stream {
              read-directory-entry: func() -> result<option<directory-entry>, error-code>;
            }
            resource descriptor {
              read-directory: func() -> result<directory-entry-stream, error-code>;
            }
          }
          interface preopens {
            use types.{descriptor};
            get-directories: func() -> list<tuple<descriptor, string>>;
          }
        }",
};

const DIRECTORY: u8 = 3;
const SYMBOLIC_LINK: u8 = 5;
const REGULAR_FILE: u8 = 6;

async fn lister(dir: &Path, limits: &Limits) -> Instance<Recorder> {
    let grants = Grants {
        dirs: vec![DirGrant {
            host: dir.to_owned(),
            guest: "/data".to_owned(),
            access: Access::Read,
        }],
    };
    let mut plugin = Instance::start(&load(&LISTER), limits, &grants, Recorder::default())
        .await
        .unwrap();
    let port = PortInfo {
        vm: String::new(),
        name: String::new(),
        id: 1,
        console: false,
        lossy: false,
    };
    assert_eq!(plugin.init(&port, "{}", None).await.unwrap(), Ok(()));
    plugin
}

async fn begin(plugin: &mut Instance<Recorder>) {
    plugin.on_data(ChannelId(0), b"x").await.unwrap();
}

async fn next(plugin: &mut Instance<Recorder>) -> Option<(u8, String)> {
    plugin.on_data(ChannelId(1), b"x").await.unwrap();
    let Some(Deed::Sent(_, entry)) = plugin.host_mut().deeds.pop() else {
        panic!("nothing was sent")
    };
    let (kind, name) = entry.split_first()?;
    Some((*kind, String::from_utf8(name.to_vec()).unwrap()))
}

async fn rest(plugin: &mut Instance<Recorder>) -> Vec<(u8, String)> {
    let mut entries = Vec::new();
    while let Some(entry) = next(plugin).await {
        entries.push(entry);
    }
    entries
}

fn fill(dir: &Path, files: usize) {
    for file in 0..files {
        fs::write(dir.join(format!("file-{file:05}")), "").unwrap();
    }
}

#[tokio::test]
async fn a_directory_is_listed_whole_with_types_and_without_itself() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
    let mut plugin = lister(dir.path(), &Limits::default()).await;
    // A second listing begins at the first entry again.
    for _ in 0..2 {
        begin(&mut plugin).await;
        let mut entries = rest(&mut plugin).await;
        entries.sort();
        let expected = [
            (DIRECTORY, "folder".to_owned()),
            (SYMBOLIC_LINK, "link".to_owned()),
            (REGULAR_FILE, "file".to_owned()),
        ];
        assert_eq!(entries, expected);
    }
}

#[tokio::test]
async fn a_large_directory_is_listed_whole_and_each_entry_once() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 3_000);
    let mut plugin = lister(dir.path(), &Limits::default()).await;
    begin(&mut plugin).await;
    let entries = rest(&mut plugin).await;
    assert_eq!(entries.len(), 3_000);
    let names: BTreeSet<_> = entries.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names.len(), 3_000);
}

/// What was removed and is still listed is what the host had read ahead.
#[tokio::test]
async fn what_the_host_holds_of_a_listing_does_not_grow_with_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 3_000);
    let mut plugin = lister(dir.path(), &Limits::default()).await;
    begin(&mut plugin).await;
    next(&mut plugin).await.expect("an entry");
    for entry in fs::read_dir(dir.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let held = rest(&mut plugin).await.len();
    assert!(held < 400, "the host held {held} entries");
}

#[tokio::test]
async fn listings_that_are_begun_and_not_dropped_meet_the_limit_on_resources() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        resources: 20,
        ..Limits::default()
    };
    let mut plugin = lister(dir.path(), &limits).await;
    let fault = loop {
        if let Err(fault) = plugin.on_data(ChannelId(0), b"x").await {
            break fault;
        }
    };
    let struck = LimitStruck::Resources { limit: 20 };
    assert_eq!(fault.cause, FaultCause::Limit(struck));
}

/// Writes to its standard output so many bytes as its memory has at 1,024.
#[tokio::test]
async fn a_stream_takes_no_more_than_it_permits() {
    let mut printer = start(&Plugin {
        fields: r#"
            (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get_stdout (result i32)))
            (import "wasi:io/streams@0.2.0" "[method]output-stream.check-write"
              (func $permit (param i32 i32)))
            (import "wasi:io/streams@0.2.0" "[method]output-stream.write"
              (func $write (param i32 i32 i32 i32)))
            (global $stdout (mut i32) (i32.const 0))"#,
        on_data: "
            (global.set $stdout (call $get_stdout))
            (call $permit (global.get $stdout) (i32.const 512))
            (call $write (global.get $stdout) (i32.const 1024)
              (i32.add (i32.load (i32.const 520)) (local.get $len)) (i32.const 512))
            (local.get $len)",
        on_open: "
            (global.set $stdout (call $get_stdout))
            (call $permit (global.get $stdout) (i32.const 512))
            (call $write (global.get $stdout) (i32.const 1024)
              (i32.load (i32.const 520)) (i32.const 512))
            (if (i32.load8_u (i32.const 512)) (then unreachable))",
        wasi: "
            package test:it;
            world all {
              include portunus:port/plugin@0.1.0;
              import wasi:cli/stdout@0.2.0;
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
            }",
        ..Plugin::default()
    })
    .await;
    let (guest, new) = (
        portunus_plugin::Peer::Guest,
        portunus_plugin::OpenReason::New,
    );
    printer
        .on_open(ChannelId::GUEST, &guest, &new)
        .await
        .unwrap();
    let fault = printer.on_data(ChannelId::GUEST, b"x").await.unwrap_err();
    let told = "it wrote 65537 bytes to a stream at once; no stream permits more than 65536";
    assert_eq!(fault.cause, FaultCause::Trap(told.to_owned()));
}
