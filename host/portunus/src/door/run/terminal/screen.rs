//! Where a guest's console writes: a bounded queue, and a thread that moves it to
//! standard output.
//!
//! A reader that has stopped, be it a pipe or a terminal, holds up the guest that
//! writes, and nothing else: whoever ends the machine has the queue take no more.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;

/// Bytes that wait for standard output: a few screens, which a terminal shows in
/// less than the blink of an eye.
const LIMIT_BYTES: usize = 64 << 10;

/// Standard output, for threads and tasks that may wait for it.
#[derive(Clone)]
pub(in crate::door::run) struct Screen(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Told when there is room again: one task waits.
    room: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// The thread has bytes that are not out yet.
    writing: bool,
    /// What finds no room is dropped: the output has failed, or nobody is to
    /// wait for it any more.
    dropping: bool,
}

impl Screen {
    /// Starts the thread that writes to `output`.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let screen = Self(Arc::default());
        let shared = Arc::clone(&screen.0);
        thread::Builder::new()
            .name("screen".to_owned())
            .spawn(move || shared.write_out(output))?;
        Ok(screen)
    }

    /// From now on nobody waits: what finds no room is dropped.
    pub(in crate::door::run) fn wait_no_more(&self) {
        self.0.change(|state| state.dropping = true);
    }

    /// Waits until all is written, or for `within`.
    pub(super) fn settle(&self, within: Duration) {
        let unsettled = |state: &mut State| state.writing || !state.waiting.is_empty();
        let state = self.0.lock();
        // What is late is lost.
        drop(self.0.changed.wait_timeout_while(state, within, unsettled));
    }

    /// Writes all of it, as soon as there is room.
    pub(in crate::door::run) async fn show(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.0.change(|state| state.take(bytes));
            bytes = bytes.get(taken..).unwrap_or_default();
            if taken == 0 {
                self.0.room.notified().await;
            }
        }
    }
}

/// For the serial port, whose processor waits for room.
impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = |state: &mut State| state.room() == 0;
        let state = self.0.lock();
        let mut state = self
            .0
            .changed
            .wait_while(state, full)
            .unwrap_or_else(PoisonError::into_inner);
        let taken = state.take(bytes);
        drop(state);
        self.0.changed.notify_all();
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    fn room(&self) -> usize {
        match self.dropping {
            true => usize::MAX,
            false => LIMIT_BYTES.saturating_sub(self.waiting.len()),
        }
    }

    /// Takes as many bytes as there is room for, and tells how many.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let (taken, _) = bytes.split_at(self.room().min(bytes.len()));
        let kept = LIMIT_BYTES.saturating_sub(self.waiting.len());
        self.waiting.extend(taken.iter().take(kept));
        taken.len()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let outcome = act(&mut self.lock());
        self.changed.notify_all();
        self.room.notify_one();
        outcome
    }

    /// Writes what waits, for as long as the output takes it.
    fn write_out(&self, mut output: impl Write) {
        loop {
            let nothing = |state: &mut State| state.waiting.is_empty();
            let mut state = self
                .changed
                .wait_while(self.lock(), nothing)
                .unwrap_or_else(PoisonError::into_inner);
            let bytes = std::mem::take(&mut state.waiting);
            state.writing = true;
            drop(state);
            let written = output.write_all(&bytes).and_then(|()| output.flush());
            self.change(|state| {
                state.writing = false;
                state.dropping |= written.is_err();
            });
        }
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
