//! What a child process prints: lines, read as they come.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The lines of one output.
pub struct Lines {
    lines: Receiver<String>,
    seen: String,
}

impl Lines {
    /// Reads an output to its end, on a thread of its own.
    pub fn read(output: impl Read + Send + 'static) -> Self {
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                if tell.send(line.trim_end_matches('\r').to_owned()).is_err() {
                    break;
                }
            }
        });
        Self {
            lines,
            seen: String::new(),
        }
    }

    /// Waits for a line that contains `words`.
    ///
    /// # Panics
    ///
    /// Where none comes within that time, or ever: with all that was seen.
    pub fn find(&mut self, words: &str, within: Duration) -> String {
        let until = Instant::now() + within;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.see(&line);
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no line with `{words}` in time:\n{}", self.seen)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended without a line with `{words}`:\n{}", self.seen)
                }
            }
        }
    }

    /// All lines so far.
    pub fn seen(&mut self) -> &str {
        while let Ok(line) = self.lines.try_recv() {
            self.see(&line);
        }
        &self.seen
    }

    /// All lines, once the output has ended, or after as long without one.
    pub fn to_end(&mut self, within: Duration) -> &str {
        while let Ok(line) = self.lines.recv_timeout(within) {
            self.see(&line);
        }
        &self.seen
    }

    fn see(&mut self, line: &str) {
        self.seen.push_str(line);
        self.seen.push('\n');
    }
}
