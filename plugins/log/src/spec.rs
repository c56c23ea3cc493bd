//! What a port's `config` table says to this plugin, parsed once into values
//! that can be used as they are.

use std::ops::RangeInclusive;

use portunus_plugin_sdk::{ByteSize, Start, check_range};
use serde::Deserialize;

use crate::frames::Framing;

/// Smaller files than this would be mostly renamed.
const ROTATE: RangeInclusive<ByteSize> = ByteSize::from_kib(1)..=ByteSize::from_bytes(1 << 40);
/// At least one old file, or rotating would throw away what was just written.
const KEEP: RangeInclusive<u32> = 1..=99;
/// The upper bound is what `save` can carry, with room to spare.
const MAX_LINE: RangeInclusive<ByteSize> = ByteSize::from_bytes(64)..=ByteSize::from_kib(32);

/// The table as the user wrote it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    path: String,
    #[serde(default = "default_rotate")]
    rotate: ByteSize,
    #[serde(default = "default_keep")]
    keep: u32,
    #[serde(default = "default_max_line")]
    max_line: ByteSize,
    #[serde(default)]
    format: Format,
    #[serde(default)]
    output: Form,
}

/// What the guest's messages are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// Lines of whatever it is.
    #[default]
    Lines,
    /// Syslog messages: of RFC 5424 or RFC 3164, framed as RFC 6587 has it.
    Syslog,
    /// Lines of Fedora's installer.
    Anaconda,
}

/// What a line of the file is, as the table has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    #[default]
    Text,
    Json,
}

/// What a line of the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// The message as it is, for people.
    Text,
    /// The message in parts, for programs.
    Json(Format),
}

// A guest decides how much is written, so a file is bounded even where nobody
// asked for it: at most 60 MiB with these.
fn default_rotate() -> ByteSize {
    ByteSize::from_mib(10)
}

fn default_keep() -> u32 {
    5
}

fn default_max_line() -> ByteSize {
    ByteSize::from_kib(8)
}

/// How to keep the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    /// The file, in a directory that the port was granted.
    pub(crate) path: String,
    /// Bytes of a file past which it becomes the first of the old ones.
    pub(crate) rotate_bytes: u64,
    /// How many old files are kept.
    pub(crate) keep: u32,
    /// Bytes of a line past which the rest is cut.
    pub(crate) max_line_bytes: usize,
    /// How the guest's messages are told apart.
    pub(crate) framing: Framing,
    /// How they are written.
    pub(crate) output: Output,
}

impl Spec {
    /// Reads the table. The error is one line that names the key.
    pub(crate) fn parse(start: &Start) -> Result<Self, String> {
        let table: Table = start.config()?;
        if table.path.is_empty() || table.path.ends_with('/') {
            return Err(format!(
                "config.path: `{}` is not the path of a file",
                table.path
            ));
        }
        check_range("rotate", table.rotate, ROTATE)?;
        check_range("keep", table.keep, KEEP)?;
        check_range("max-line", table.max_line, MAX_LINE)?;
        Ok(Self {
            path: table.path,
            rotate_bytes: table.rotate.bytes(),
            keep: table.keep,
            // At most 32 KiB, as just checked.
            max_line_bytes: usize::try_from(table.max_line.bytes()).unwrap_or(usize::MAX),
            framing: match table.format {
                Format::Syslog => Framing::Syslog,
                Format::Lines | Format::Anaconda => Framing::Lines,
            },
            output: match table.output {
                Form::Text => Output::Text,
                Form::Json => Output::Json(table.format),
            },
        })
    }
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
