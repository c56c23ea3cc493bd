//! The program's metrics, read with `curl`.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use crate::guest::DEADLINE;

/// Runs `curl` with further arguments against the metrics of this socket.
///
/// # Panics
///
/// Where there is no `curl`.
pub fn curl(socket: &Path, arguments: &[&str]) -> Output {
    let deadline = DEADLINE.as_secs().to_string();
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", &deadline])
        .arg("--unix-socket")
        .arg(socket)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!("`curl` cannot be started: {error}; Debian and Ubuntu: apt-get install curl")
        })
}

/// A page of metrics.
pub struct Page(String);

impl Page {
    /// The page as it is now.
    pub fn read(socket: &Path) -> Self {
        let output = curl(socket, &["--fail", "http://localhost/metrics"]);
        assert!(output.status.success(), "{output:?}");
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(page.ends_with("\n# EOF\n"), "{page}");
        Self(page)
    }

    /// The page, once these samples have these values.
    ///
    /// # Panics
    ///
    /// Where they have not in time.
    pub fn read_until(socket: &Path, samples: &[(&str, &str)]) -> Self {
        let until = Instant::now() + DEADLINE;
        loop {
            let page = Self::read(socket);
            let other = samples
                .iter()
                .find(|(name, value)| page.value(name) != Some(value));
            let Some((name, value)) = other else {
                return page;
            };
            assert!(
                Instant::now() < until,
                "`{name}` is not {value} in time:\n{}",
                page.text()
            );
        }
    }

    /// The value of a sample, which is named with its labels.
    pub fn value(&self, sample: &str) -> Option<&str> {
        let mut lines = self.0.lines();
        lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.0
    }
}
