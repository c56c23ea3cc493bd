//! One ring of a port while it is attached, and its rest once the guest broke it.

use std::sync::Arc;

use portunus_device::Interrupt;
use portunus_device::port_queue::ReceiveQueue;
use portunus_device::ring::RingFault;

use super::Port;
use crate::kick::Kick;
use crate::rarely::count;
use crate::session::counters::add;

/// A queue that the door attached.
pub(super) struct Attached<Queue> {
    pub(super) queue: Queue,
    pub(super) kick: Kick,
    pub(super) error: Arc<dyn Interrupt>,
    /// Whether the guest has broken it.
    pub(super) broken: bool,
}

impl<Queue> Attached<Queue> {
    /// Does something with the queue unless the guest has broken it.
    pub(super) fn with<T>(
        &mut self,
        port: &Port,
        act: impl FnOnce(&mut Queue) -> Result<T, RingFault>,
    ) -> Option<T> {
        if self.broken {
            return None;
        }
        act(&mut self.queue)
            .inspect_err(|fault| self.rest(port, fault))
            .ok()
    }

    /// Lets a ring rest that the guest has broken.
    fn rest(&mut self, port: &Port, fault: &RingFault) {
        self.broken = true;
        let port_name = &port.label;
        match fault {
            // A driver takes its leave, and what was under way with it.
            RingFault::Withdrawn { .. } => {
                tracing::warn!(port_name, %fault, "the ring rests until the device is reset");
            }
            _ => {
                self.error.signal();
                // A guest can reset its device and do it again.
                if let Some(faults) = count(&port.counters.guest_faults) {
                    tracing::error!(
                        port_name, %fault, faults,
                        "the guest broke one of the port's rings; it rests until the device is reset"
                    );
                }
            }
        }
    }
}

impl Attached<ReceiveQueue> {
    /// Puts bytes into the guest's buffers and tells how many.
    pub(super) fn push(&mut self, port: &Port, data: &[u8]) -> usize {
        let pushed = self.with(port, |queue| {
            let count = queue.push(data)?;
            // What was placed counts: a fault is the next call's answer.
            let _latched = queue.notify();
            Ok(count)
        });
        add(&port.counters.to_guest_bytes, pushed.unwrap_or(0));
        pushed.unwrap_or(0)
    }
}
