//! The plugin: what each call of the host means for the lines and the file.

use std::time::{Duration, SystemTime};

use portunus_plugin_sdk::{Channel, CloseReason, Line, OpenReason, Peer, Plugin, Start};
use portunus_plugin_sdk::{lifecycle, log, metrics, timer};
use serde::{Deserialize, Serialize};

use crate::files::Files;
use crate::frames::{Begun, Frames};
use crate::journal::{Journal, Waiting};
use crate::record::{Ended, Prefix};
use crate::retry::{Backoff, last_try};
use crate::spec::Spec;

/// The timer for another try of what the disk refused.
const RETRY: u64 = 1;
/// The timer for the last try in an orderly stop.
const LAST_TRY: u64 = 2;

/// How far an orderly stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    NotAsked,
    Asked,
    /// The host knows that we are done.
    Said,
}

/// What one instance leaves to the next on a reload.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    unfinished: Begun,
    waiting: Waiting,
}

/// Writes the guest's lines to a file.
#[derive(Debug)]
pub(crate) struct Logger<F> {
    spec: Spec,
    port: String,
    frames: Frames,
    journal: Journal<F>,
    /// Set while the disk refuses what waits.
    refused: Option<Backoff>,
    sync_owed: bool,
    stop: Stop,
}

impl<F: Files> Logger<F> {
    /// Starts on these files. The error is one line that names the key.
    pub(crate) fn on_files(files: F, start: Start) -> Result<Self, String> {
        let spec = Spec::parse(&start)?;
        let Saved {
            unfinished,
            waiting,
        } = start.saved_json();
        let mut logger = Self {
            port: start.port.name,
            frames: Frames::new(spec.framing, spec.max_line_bytes, unfinished),
            journal: Journal::new(files, &spec, waiting),
            spec,
            refused: None,
            sync_owed: false,
            stop: Stop::NotAsked,
        };
        logger.journal.check().map_err(|failure| {
            format!(
                "config.path: {failure} (is its directory in the port's grant.dirs, with access = \"write\"?)"
            )
        })?;
        logger.settle();
        Ok(logger)
    }

    /// Turns bytes into records, until as many wait as may; returns how many
    /// bytes were taken.
    fn collect(&mut self, data: &[u8]) -> usize {
        let now = SystemTime::now();
        let mut taken: usize = 0;
        while self.journal.has_room() && taken < data.len() {
            let (bytes, line) = self.frames.feed(data.get(taken..).unwrap_or_default());
            taken = taken.saturating_add(bytes);
            if let Some(line) = line {
                self.record(now, &line, Ended::ByGuest);
            }
        }
        taken
    }

    fn record(&mut self, now: SystemTime, line: &Line, ended: Ended) {
        if line.cut_bytes > 0 {
            metrics::count("lines_cut", 1);
        }
        let prefix = Prefix::new(now, &self.port, self.spec.output);
        if !prefix.write(line, ended, self.journal.records()) {
            metrics::count("lines_of_no_format", 1);
        }
        // Whoever was told that all is safe must not be wrong afterwards.
        self.sync_owed |= self.stop == Stop::Said;
    }

    /// Ends the line that the guest has not ended, and asks for all to be on
    /// the disk.
    fn finish(&mut self) {
        if let Some(line) = self.frames.finish() {
            self.record(SystemTime::now(), &line, Ended::ByUs);
        }
        self.sync_owed = true;
    }

    /// Writes what waits, and does what is due once nothing does. True if
    /// nothing waits any more; else a timer is set to try again.
    fn settle(&mut self) -> bool {
        let written = self.journal.write();
        match self.journal.take_written() {
            0 => {}
            lines => metrics::count("lines", lines),
        }
        if let Err(failure) = written {
            metrics::count("write_errors", 1);
            if self.refused.is_none() {
                log::error(format_args!(
                    "{failure}; lines wait until it can be written again"
                ));
            }
            let wait = self.refused.get_or_insert_default().wait();
            set_timer(RETRY, wait);
            return false;
        }
        if self.refused.take().is_some() {
            log::info(format_args!(
                "{}: all lines that waited are written",
                self.spec.path
            ));
            timer::cancel(RETRY);
            Channel::GUEST.resume();
        }
        if std::mem::take(&mut self.sync_owed)
            && let Err(failure) = self.journal.sync()
        {
            metrics::count("sync_errors", 1);
            log::error(format_args!("{failure}; lines may not be on the disk"));
        }
        if self.stop == Stop::Asked {
            self.stop = Stop::Said;
            lifecycle::stopped();
        }
        true
    }

    /// The grace is over and the disk still refuses: says what is lost.
    fn give_up(&mut self) {
        let lines = self.journal.give_up();
        metrics::count("lines_lost", lines);
        let path = &self.spec.path;
        log::error(format_args!(
            "{path}: {lines} lines are lost, which could not be written before the stop"
        ));
        self.stop = Stop::Said;
        lifecycle::stopped();
    }
}

impl<F: Files + Default + 'static> Plugin for Logger<F> {
    fn new(start: Start) -> Result<Self, String> {
        Self::on_files(F::default(), start)
    }

    fn on_open(&mut self, channel: Channel, _peer: Peer, _why: OpenReason) {
        if !channel.is_guest() {
            log::warn("closing a host program's connection: only the guest is logged");
            channel.close();
        }
    }

    fn on_data(&mut self, channel: Channel, data: &[u8]) -> usize {
        if !channel.is_guest() {
            return data.len();
        }
        let mut taken: usize = 0;
        while self.settle() && taken < data.len() {
            let rest = data.get(taken..).unwrap_or_default();
            taken = taken.saturating_add(self.collect(rest));
        }
        if self.stop == Stop::Said {
            // No call need follow: what has no line end yet gets no other.
            self.finish();
            self.settle();
        }
        taken
    }

    fn on_close(&mut self, channel: Channel, _why: CloseReason) {
        if channel.is_guest() {
            self.finish();
            self.settle();
        }
    }

    fn on_timer(&mut self, token: u64) {
        let settled = self.settle();
        if token == LAST_TRY && !settled && self.stop == Stop::Asked {
            self.give_up();
        }
    }

    fn on_stop(&mut self, grace: Duration) {
        self.stop = Stop::Asked;
        self.finish();
        if !self.settle() {
            set_timer(LAST_TRY, last_try(grace));
        }
    }

    fn save(&self) -> Option<Vec<u8>> {
        let saved = Saved {
            unfinished: self.frames.begun(),
            waiting: self.journal.waiting().clone(),
        };
        serde_json::to_vec(&saved).ok()
    }
}

/// Sets one of this plugin's two timers, far fewer than a port may have.
fn set_timer(token: u64, after: Duration) {
    if let Err(error) = timer::set(token, after) {
        log::error(format_args!("no timer for another try: {error:?}"));
    }
}

#[cfg(test)]
#[path = "logger_tests.rs"]
mod tests;
