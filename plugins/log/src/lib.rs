//! Keeps what a guest writes to a port: lines in a file, each with its time
//! and its port, in files of bounded size.
//!
//! A line that was taken from the guest gets into the file whole, once and in
//! order. A disk that refuses it, being full, is back-pressure: no more is
//! taken, and the guest's bytes wait with the guest until there is room. When
//! `on-close` or `on-stop` returns, every line is on the disk.
//!
//! `frames` splits, by the SDK's `Lines`; `record` writes a message as text, or by `json` in the
//! parts that `syslog` and `anaconda` find; `journal` brings
//! records into the file, `rotation` and `retry` say what comes next; only
//! `files` touches a file system. `logger` answers the host.

mod anaconda;
mod files;
mod frames;
mod journal;
mod json;
mod logger;
mod message;
mod record;
mod retry;
mod rotation;
mod spec;
mod syslog;

#[cfg(test)]
mod full_disk;

portunus_plugin_sdk::plugin!(logger::Logger<files::Disk>);
