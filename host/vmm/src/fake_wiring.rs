//! A hypervisor for tests: it keeps what is wired, and plays the guest's writes
//! and the interrupts that reach it.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use vmm_sys_util::eventfd::EventFd;

use crate::wiring::{EventWiring, Gsi, IoEvent, MsiMessage};

/// A line that there is not.
pub(crate) const NO_LINE: Gsi = Gsi(4096);

#[derive(Default)]
pub(crate) struct FakeWiring(Mutex<State>);

#[derive(Default)]
struct State {
    io_events: BTreeMap<IoEvent, EventFd>,
    messages: BTreeMap<Gsi, (MsiMessage, EventFd)>,
    lines: BTreeMap<Gsi, Line>,
    refuses: bool,
    mistakes: Vec<String>,
}

#[derive(Default)]
struct Line {
    high: bool,
    rises: u32,
}

impl FakeWiring {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// From now on nothing can be added.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.state().refuses = refuses;
    }

    /// A guest's write. False where it is an exit.
    pub(crate) fn guest_writes(&self, address: u64, value: u32) -> bool {
        let state = self.state();
        let places = [None, Some(value)].map(|value| IoEvent { address, value });
        let event = places.iter().find_map(|place| state.io_events.get(place));
        event.map(|event| event.write(1).unwrap()).is_some()
    }

    /// Sends what is to be sent, and returns it.
    pub(crate) fn sent(&self) -> Vec<MsiMessage> {
        let state = self.state();
        let signalled = state
            .messages
            .values()
            .filter(|(_, event)| event.read().is_ok());
        signalled.map(|(message, _)| *message).collect()
    }

    pub(crate) fn is_high(&self, line: Gsi) -> bool {
        self.state().lines.get(&line).is_some_and(|line| line.high)
    }

    /// How often the line has become high.
    pub(crate) fn rises(&self, line: Gsi) -> u32 {
        self.state().lines.get(&line).map_or(0, |line| line.rises)
    }

    /// Where the guest's writes are events.
    pub(crate) fn io_events(&self) -> Vec<IoEvent> {
        self.state().io_events.keys().copied().collect()
    }

    /// How many messages are connected.
    pub(crate) fn connected(&self) -> usize {
        self.state().messages.len()
    }

    /// What was taken back and was not there, or set and set again.
    pub(crate) fn mistakes(&self) -> Vec<String> {
        self.state().mistakes.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn allow(&self, allowed: bool) -> io::Result<()> {
        match allowed && !self.refuses {
            true => Ok(()),
            false => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

impl EventWiring for FakeWiring {
    fn add_io_event(&self, at: IoEvent, event: &EventFd) -> io::Result<()> {
        let mut state = self.state();
        state.allow(!state.io_events.contains_key(&at))?;
        state.io_events.insert(at, event.try_clone()?);
        Ok(())
    }

    fn remove_io_event(&self, at: IoEvent, _event: &EventFd) -> io::Result<()> {
        let mut state = self.state();
        if state.io_events.remove(&at).is_none() {
            state.mistakes.push(format!("{at:?} was not added"));
        }
        Ok(())
    }

    fn connect_message(&self, message: MsiMessage, event: &EventFd) -> io::Result<Gsi> {
        let mut state = self.state();
        state.allow(true)?;
        let gsi = (24..)
            .map(Gsi)
            .find(|gsi| !state.messages.contains_key(gsi));
        let gsi = gsi.unwrap();
        state.messages.insert(gsi, (message, event.try_clone()?));
        Ok(gsi)
    }

    fn disconnect_message(&self, gsi: Gsi, _event: &EventFd) -> io::Result<()> {
        let mut state = self.state();
        if state.messages.remove(&gsi).is_none() {
            state.mistakes.push(format!("{gsi:?} was not connected"));
        }
        Ok(())
    }

    fn set_line(&self, line: Gsi, high: bool) -> io::Result<()> {
        let mut state = self.state();
        if line == NO_LINE {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let line = state.lines.entry(line).or_default();
        line.rises += u32::from(high && !line.high);
        line.high = high;
        Ok(())
    }
}
