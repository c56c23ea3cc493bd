//! A record as one line of JSON: an object with the time, the port, and the
//! message in parts.
//!
//!     {"time":"2026-11-22T11:44:18.123Z","port":"org.example.0","message":"text"}

use serde::Serialize;

use crate::message::Message;
use crate::record::{Ended, steers};
use crate::spec::Format;
use crate::{anaconda, syslog};
use portunus_plugin_sdk::Line;

#[derive(Serialize)]
struct Record<'a> {
    time: &'a str,
    port: &'a str,
    #[serde(flatten)]
    message: Message<'a>,
    /// Bytes of it that were cut.
    #[serde(skip_serializing_if = "is_none")]
    cut: u64,
    /// Whether the guest has not ended it.
    #[serde(skip_serializing_if = "is_false")]
    unfinished: bool,
    /// Whether bytes that are no text became U+FFFD.
    #[serde(skip_serializing_if = "is_false")]
    lossy: bool,
}

/// Writes a message's record, with its end. False: it is not of this format, and
/// is told whole.
pub(crate) fn write(
    time: &str,
    port: &str,
    format: Format,
    line: &Line,
    ended: Ended,
    out: &mut String,
) -> bool {
    let text = String::from_utf8_lossy(&line.bytes);
    let whole = Message {
        message: &text,
        ..Message::default()
    };
    let parts = match format {
        Format::Lines => Some(whole.clone()),
        Format::Syslog => syslog::parse(&text),
        Format::Anaconda => anaconda::parse(&text),
    };
    let understood = parts.is_some();
    let record = Record {
        time,
        port,
        message: parts.unwrap_or(whole),
        cut: line.cut_bytes,
        unfinished: ended == Ended::ByUs,
        lossy: std::str::from_utf8(&line.bytes).is_err(),
    };
    // Strings and maps of strings always have a form in JSON.
    let json = serde_json::to_string(&record).unwrap_or_default();
    escape(&json, out);
    out.push('\n');
    understood
}

/// JSON leaves characters that steer a terminal as they are. They stand only in
/// its strings, where each has an escape.
fn escape(json: &str, out: &mut String) {
    for character in json.chars() {
        if steers(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
