//! The emergency console: bytes that a guest writes to the device's
//! configuration before it has any queue (VIRTIO 1.2, section 5.3.4), as lines
//! of our log.

use crate::escape::Escaped;

/// The longest line, in bytes: a longer one is told in pieces.
const LINE_LIMIT: usize = 256;

/// Joins single bytes into lines.
#[derive(Debug, Default)]
pub(crate) struct EmergencyConsole {
    line: Vec<u8>,
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
        if !line.is_empty() {
            tracing::warn!(line = %Escaped::new(&line), "the guest's emergency console");
        }
    }
}

impl Drop for EmergencyConsole {
    /// What has no line end yet is not lost.
    fn drop(&mut self) {
        self.tell();
    }
}
