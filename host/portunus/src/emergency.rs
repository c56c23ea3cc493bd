//! The emergency console: bytes that a guest writes to the device's
//! configuration before it has any queue (VIRTIO 1.2, section 5.3.4), as lines
//! of our log.

use crate::escape::Escaped;
use crate::rarely::Rarely;

/// The longest line, in bytes: a longer one is told in pieces.
const LINE_LIMIT: usize = 256;

/// Lines that one front end's guest may have in the log: the words of a boot
/// that failed. Of more, only the number is told.
const LINES_LIMIT: u64 = 1_000;

/// Joins single bytes into lines.
#[derive(Debug, Default)]
pub(crate) struct EmergencyConsole {
    line: Vec<u8>,
    lines: u64,
    more: Rarely,
}

impl EmergencyConsole {
    /// Takes one byte; a line that it completes goes to the log.
    pub(crate) fn write(&mut self, byte: u8) {
        if byte != b'\n' {
            self.line.push(byte);
        }
        if byte == b'\n' || self.line.len() >= LINE_LIMIT {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return;
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines <= LINES_LIMIT {
            tracing::warn!(line = %Escaped::new(&line), "the guest's emergency console");
        } else if let Some(lines) = self.more.again() {
            tracing::warn!(
                lines,
                "the guest's emergency console has said more than is told"
            );
        }
    }
}

impl Drop for EmergencyConsole {
    /// What has no line end yet is not lost.
    fn drop(&mut self) {
        self.tell();
    }
}
