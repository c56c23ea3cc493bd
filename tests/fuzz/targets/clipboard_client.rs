//! Any line of a clipboard's client: a request or words on what is wrong with it,
//! and no more content than the line has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portunus_plugin_clipboard::request::{self, Request};

fuzz_target!(|line: &[u8]| {
    match request::parse(line) {
        Ok((_, Request::Put { part, .. } | Request::Data(part))) => {
            assert!(part.bytes.len() < line.len());
        }
        Ok(_) => {}
        Err(bad) => assert!(!bad.0.is_empty() && bad.0.len() <= line.len() + 512),
    }
});
