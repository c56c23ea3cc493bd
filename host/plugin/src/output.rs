//! A plugin's standard output and error: bytes are kept until the plugin's call
//! is over or it logs, and come out as lines.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::limits::{Limits, to_usize};
use crate::wasi::MAX_WRITE_BYTES;

/// One output stream; a clone is the same stream. A write never waits and never
/// fails: a plugin must not stop working because it prints. What is printed
/// beyond the limit between two drains is lost, and counted.
#[derive(Clone)]
pub(crate) struct Output {
    /// Bytes that are kept between two drains.
    limit: usize,
    /// Bytes of a line that waits for its end: a longer one will be cut.
    longest_line: usize,
    printed: Arc<Mutex<Printed>>,
}

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// Lost since the last drain, and ever.
    lost: u64,
    lost_ever: u64,
}

impl Output {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limit: to_usize(limits.output_bytes),
            longest_line: to_usize(limits.log_bytes),
            printed: Arc::default(),
        }
    }

    /// Hands out each line that is complete, or so long that it will be cut, and
    /// says how much was lost.
    pub(crate) fn drain(&self, mut write: impl FnMut(&str)) {
        let mut printed = self.printed();
        if printed.bytes.is_empty() && printed.lost == 0 {
            return;
        }
        let mut rest = printed.bytes.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, tail) = rest.split_at(end);
            write(&String::from_utf8_lossy(line));
            rest = tail.strip_prefix(b"\n").unwrap_or(tail);
        }
        if rest.len() > self.longest_line {
            write(&String::from_utf8_lossy(rest));
            rest = &[];
        }
        let unfinished = rest.to_vec();
        printed.bytes = unfinished;
        let lost = std::mem::take(&mut printed.lost);
        if lost > 0 {
            write(&format!(
                "{lost} printed bytes were dropped: the limit, `output`, is {} at once",
                self.limit
            ));
        }
    }

    /// Completes the last line.
    pub(crate) fn end_line(&self) {
        let mut printed = self.printed();
        if printed.bytes.last().is_some_and(|byte| *byte != b'\n') {
            printed.bytes.push(b'\n');
        }
    }

    /// Bytes that found no room.
    pub(crate) fn bytes_lost(&self) -> u64 {
        self.printed().lost_ever
    }

    fn print(&self, bytes: &[u8]) {
        let mut printed = self.printed();
        let room = self.limit.saturating_sub(printed.bytes.len());
        let (kept, lost) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        printed.bytes.extend_from_slice(kept);
        let lost = u64::try_from(lost.len()).unwrap_or(u64::MAX);
        printed.lost = printed.lost.saturating_add(lost);
        printed.lost_ever = printed.lost_ever.saturating_add(lost);
    }

    fn printed(&self) -> MutexGuard<'_, Printed> {
        // Nobody panics while holding it; were it so, the bytes would be whole.
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(self.limit.clamp(1, MAX_WRITE_BYTES))
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
