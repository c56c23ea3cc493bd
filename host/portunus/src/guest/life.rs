//! What is known of one guest while it lives: what it has printed, and whether it
//! is over. Threads tell it, and others wait for it.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::console::Console;

/// What a guest did not do.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// It took too long.
    #[error("the guest did not {task} within {} s; its last lines:{tail}", .within.as_secs())]
    Late {
        /// What it was to do.
        task: &'static str,
        /// The time it had.
        within: Duration,
        /// Its console's last lines.
        tail: String,
    },
    /// It ended before.
    #[error("the guest ended and did not {task}; its last lines:{tail}")]
    Ended {
        /// What it was to do.
        task: &'static str,
        /// Its console's last lines.
        tail: String,
    },
    /// It could not be spoken to.
    #[error("the guest's console takes no line: {0}")]
    Console(io::Error),
}

/// A guest's life, with what `R` its kind knows of it as long as it runs.
#[derive(Debug)]
pub(super) struct Life<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
}

#[derive(Debug)]
pub(super) struct State<R> {
    pub(super) console: Console,
    console_closed: bool,
    /// Nothing once it has ended.
    pub(super) running: Option<R>,
}

impl<R> State<R> {
    fn is_over(&self) -> bool {
        self.running.is_none() && self.console_closed
    }

    fn fault(&self, task: &'static str, within: Duration) -> GuestError {
        let tail = self.console.tail();
        if self.is_over() {
            GuestError::Ended { task, tail }
        } else {
            GuestError::Late { task, within, tail }
        }
    }
}

impl<R> Life<R> {
    /// Of a guest that runs.
    pub(super) fn of(running: R) -> Self {
        Self {
            state: Mutex::new(State {
                console: Console::default(),
                console_closed: false,
                running: Some(running),
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known, for those who wait.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State<R>) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.changed.notify_all();
        outcome
    }

    /// It has printed this.
    pub(super) fn print(&self, bytes: &[u8]) {
        self.change(|state| state.console.print(bytes));
    }

    /// It prints no more.
    pub(super) fn close_console(&self) {
        self.change(|state| {
            state.console.close();
            state.console_closed = true;
        });
    }

    /// All that is remembered of what it printed.
    pub(super) fn console(&self) -> String {
        self.lock().console.text()
    }

    /// Takes lines until one has what `is_wanted` asks for, and answers that one.
    pub(super) fn find_line(
        &self,
        task: &'static str,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String, GuestError> {
        let mut found = None;
        let state = self.wait_while(within, |state| {
            while let Some(line) = state.console.take_line() {
                if is_wanted(&line) {
                    found = Some(line);
                    return false;
                }
            }
            !state.is_over()
        });
        found.ok_or_else(|| state.fault(task, within))
    }

    /// Waits until it is over; answers its program's exit status, which `status`
    /// then finds.
    pub(super) fn finish(
        &self,
        within: Duration,
        status: impl FnOnce(&Console) -> Option<i32>,
    ) -> Result<i32, GuestError> {
        const TASK: &str = "run its program and power off";
        let state = self.wait_while(within, |state| !state.is_over());
        let status = match state.is_over() {
            true => status(&state.console),
            false => None,
        };
        status.ok_or_else(|| state.fault(TASK, within))
    }

    fn wait_while(
        &self,
        within: Duration,
        condition: impl FnMut(&mut State<R>) -> bool,
    ) -> MutexGuard<'_, State<R>> {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), within, condition);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
