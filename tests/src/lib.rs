//! What the whole-system tests share.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fixture that panics is a test that failed"
)]

use std::thread::park_timeout;
use std::time::{Duration, Instant};

pub mod agent;
pub mod bench;
pub mod broker;
pub mod device;
pub mod front_end;
pub mod guest;
pub mod lines;
pub mod nested;
pub mod program;
pub mod python;
pub mod scrape;
pub mod scripts;

/// Waits for what no event tells of, such as a file's contents, and answers
/// what `look` finds.
///
/// # Panics
///
/// Where that takes longer than `within`.
pub fn eventually<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "not in time: {what}");
        park_timeout(Duration::from_millis(10));
    }
}
