//! A device's interrupt line, high as long as the driver has something to look
//! at: INTx (VIRTIO 1.2, section 4.1.4.5), and the interrupt of the MMIO
//! transport (section 4.2.3.4).

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::wiring::{EventWiring, Gsi};

/// Buffers were used. Bit 0 of the ISR status, and of InterruptStatus.
pub(crate) const USED_BUFFERS: u8 = 1;
/// The configuration or the device's status changed: bit 1.
pub(crate) const CONFIG_CHANGE: u8 = 2;

/// The line, and why it is high.
///
/// The lock is held for a system call that does not wait, by a queue's task and
/// by a vCPU that acknowledges: else a cause that comes while another one is
/// acknowledged could find the line low.
pub(crate) struct InterruptLine {
    wiring: Arc<dyn EventWiring>,
    gsi: Gsi,
    /// Changed under the lock. Read without it, so that a device that sends
    /// messages never takes the lock.
    in_use: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    causes: u8,
    disabled: bool,
    high: bool,
}

impl InterruptLine {
    /// A line that is low.
    ///
    /// # Errors
    ///
    /// The hypervisor has no such line.
    pub(crate) fn new(wiring: Arc<dyn EventWiring>, gsi: Gsi) -> io::Result<Self> {
        wiring.set_line(gsi, false)?;
        Ok(Self {
            wiring,
            gsi,
            in_use: AtomicBool::new(true),
            state: Mutex::default(),
        })
    }

    /// Adds a cause. False where the line is not in use: the driver is told by
    /// messages.
    pub(crate) fn raise(&self, cause: u8) -> bool {
        self.is_in_use()
            && self.change(|state| {
                // Under the lock: the driver may just have switched to messages.
                let in_use = self.is_in_use();
                if in_use {
                    state.causes |= cause;
                }
                in_use
            })
    }

    /// Why the line is, or would be, high.
    pub(crate) fn causes(&self) -> u8 {
        self.change(|state| state.causes)
    }

    /// Takes these causes away, and returns those of them that there were. Where
    /// others are left the line goes down and up again: a guest may have taken
    /// it for one that is triggered by edges.
    pub(crate) fn acknowledge(&self, causes: u8) -> u8 {
        self.change(|state| {
            let taken = state.causes & causes;
            state.causes &= !causes;
            if taken != 0 {
                self.set(state, false);
            }
            taken
        })
    }

    /// Whether the driver is told by this line at all, or by messages.
    pub(crate) fn use_it(&self, in_use: bool) {
        self.change(|state| {
            self.in_use.store(in_use, Ordering::SeqCst);
            if !in_use {
                state.causes = 0;
            }
        });
    }

    /// Whether the line stays low whatever its causes (INTx Disable; PCI 3.0,
    /// section 6.2.2).
    pub(crate) fn disable(&self, disabled: bool) {
        self.change(|state| state.disabled = disabled);
    }

    fn is_in_use(&self) -> bool {
        self.in_use.load(Ordering::SeqCst)
    }

    fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = how(&mut state);
        let high = state.causes != 0 && !state.disabled;
        self.set(&mut state, high);
        answer
    }

    fn set(&self, state: &mut State, high: bool) {
        if state.high != high {
            state.high = high;
            // The line was there when this was made, and lines do not go away.
            let _cannot_fail = self.wiring.set_line(self.gsi, high);
        }
    }
}

impl Drop for InterruptLine {
    fn drop(&mut self) {
        self.acknowledge(u8::MAX);
    }
}

#[cfg(test)]
#[path = "interrupt_line_tests.rs"]
mod tests;
