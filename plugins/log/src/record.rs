//! One line of the file: the time, the port, and what the guest wrote, made
//! harmless for terminals and other readers of logs. As text:
//!
//!     2026-11-22T11:44:18.123Z org.example.0 text
//!
//! A backslash of the guest's is doubled, so that an escape, or a mark of ours
//! such as `\[unfinished]`, can only come from us. Or as JSON, with what the
//! message tells of itself in parts: [`json`](crate::json).

use std::fmt::Write;
use std::time::SystemTime;

use portunus_plugin_sdk::Line;

use crate::json;
use crate::spec::Output;

/// Whether the guest has ended the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It has.
    ByGuest,
    /// The port closed, or the host stops, in the middle of it.
    ByUs,
}

/// Begins records: with a time and a port's name.
#[derive(Debug)]
pub(crate) struct Prefix<'a> {
    time: String,
    port: &'a str,
    output: Output,
}

impl<'a> Prefix<'a> {
    /// For messages that end at this time.
    pub(crate) fn new(time: SystemTime, port: &'a str, output: Output) -> Self {
        Self {
            time: humantime::format_rfc3339_millis(time).to_string(),
            port,
            output,
        }
    }

    /// Writes the record of a message, with its end. False: it is not of the
    /// format that its port speaks, and is told whole.
    pub(crate) fn write(&self, line: &Line, ended: Ended, out: &mut String) -> bool {
        match self.output {
            Output::Text => {
                self.write_text(line, ended, out);
                true
            }
            Output::Json(format) => json::write(&self.time, self.port, format, line, ended, out),
        }
    }

    fn write_text(&self, line: &Line, ended: Ended, out: &mut String) {
        out.push_str(&self.time);
        out.push(' ');
        escape(self.port.as_bytes(), out);
        if !line.bytes.is_empty() {
            out.push(' ');
            escape(&line.bytes, out);
        }
        if line.cut_bytes > 0 {
            // Writing to a string never fails.
            let _ = write!(out, " \\[cut: {} bytes more]", line.cut_bytes);
        }
        if ended == Ended::ByUs {
            out.push_str(" \\[unfinished]");
        }
        out.push('\n');
    }
}

/// Writes bytes as text: what is not UTF-8 as `\xNN`, characters that steer a
/// terminal or a reader's eye as `\t`, `\r` or `\u{N}`, a backslash doubled.
fn escape(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' | '\t' | '\r' | '\n' => out.extend(character.escape_default()),
                _ if steers(character) => out.extend(character.escape_unicode()),
                _ => out.push(character),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

/// Control characters, and those that break lines or turn the direction of
/// what is shown.
pub(crate) fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
