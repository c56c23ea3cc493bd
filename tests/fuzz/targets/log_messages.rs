//! What a guest writes to the log plugin: framed, taken apart, and written as text
//! and as JSON. The plugin is a component and no library: its files are this
//! target's own modules.

#![no_main]

use std::time::SystemTime;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[path = "../../../plugins/log/src/anaconda.rs"]
mod anaconda;
#[allow(dead_code, reason = "an instance saves what is begun, and none is here")]
#[path = "../../../plugins/log/src/frames.rs"]
mod frames;
#[path = "../../../plugins/log/src/json.rs"]
mod json;
#[allow(dead_code, reason = "an instance saves what is begun, and none is here")]
#[path = "../../../plugins/log/src/message.rs"]
mod message;
#[path = "../../../plugins/log/src/record.rs"]
mod record;
#[path = "../../../plugins/log/src/syslog.rs"]
mod syslog;

/// What the plugin's `spec` has of these.
mod spec {
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Format {
        Lines,
        Syslog,
        Anaconda,
    }

    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Output {
        Text,
        Json(Format),
    }
}

use frames::{Begun, Frames, Framing};
use portunus_plugin_sdk::Line;
use record::{Ended, Prefix, steers};
use spec::{Format, Output};

const MAX_LINE_BYTES: usize = 256;

#[derive(Debug, Arbitrary)]
struct Input {
    syslog: bool,
    stream: Vec<u8>,
    cut: usize,
}

fuzz_target!(|input: Input| {
    let framing = if input.syslog {
        Framing::Syslog
    } else {
        Framing::Lines
    };
    let cut = input.cut % (input.stream.len() + 1);
    let (first, second) = input.stream.split_at(cut);
    let lines = split(framing, &[first, second]);
    assert_eq!(lines, split(framing, &[&input.stream]));
    let kept: usize = lines.iter().map(|line| line.bytes.len()).sum();
    assert!(kept <= input.stream.len());
    lines.iter().for_each(write);
});

fn split(framing: Framing, pieces: &[&[u8]]) -> Vec<Line> {
    let mut frames = Frames::new(framing, MAX_LINE_BYTES, Begun::default());
    let mut lines = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (taken, line) = frames.feed(rest);
            lines.extend(line);
            rest = &rest[taken..];
        }
    }
    lines.extend(frames.finish());
    lines
}

fn write(line: &Line) {
    for output in [
        Output::Text,
        Output::Json(Format::Lines),
        Output::Json(Format::Syslog),
        Output::Json(Format::Anaconda),
    ] {
        let mut out = String::new();
        let prefix = Prefix::new(SystemTime::UNIX_EPOCH, "port", output);
        prefix.write(line, Ended::ByGuest, &mut out);
        let text = out.strip_suffix('\n').expect("a record ends its line");
        assert!(!text.contains(steers), "{text}");
        if let Output::Json(_) = output {
            serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        }
    }
}
