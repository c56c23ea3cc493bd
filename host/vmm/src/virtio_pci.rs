//! A virtio device as a PCI function (VIRTIO 1.2, section 4.1): modern, with
//! MSI-X and a vector for each queue, or INTx for a guest that knows no better.
//!
//! What a driver does all the time (notifications, interrupts) goes by eventfds
//! that the hypervisor knows; what comes here is set-up. After each write the
//! wiring is made what the registers say, so that it follows a guest that moves
//! the BAR, masks a vector or disables the function, at any time.

mod capabilities;
mod common_config;
mod interrupts;
mod msix;
mod regions;

use std::io;
use std::sync::Arc;

use vmm_sys_util::eventfd::EventFd;

use crate::interrupt_line::InterruptLine;
use crate::kicks::{Kicks, NotifyPlace};
use crate::pci::PciFunction;
use crate::pci::config_space::{
    BAR_0, COMMAND, COMMAND_MEMORY, COMMAND_NO_INTX, ConfigSpace, STATUS, STATUS_INTX,
};
use crate::transport::{Attachment, QueueEvents, Transport};
use crate::virtio::{Notifier, VirtioDevice};
use capabilities::{MSIX_CONTROL, WINDOW_DATA, Window, config_space, touches_window};
use interrupts::Interrupts;
use msix::MAX_VECTORS;
use regions::{NOTIFY, Region, bar_bytes};

/// A virtio device as a PCI function.
pub struct VirtioPci {
    config: ConfigSpace,
    /// Configuration space that no guest has touched.
    untouched: ConfigSpace,
    bar_bytes: u32,
    transport: Transport,
    events: PciEvents,
}

/// A device's notifications and interrupts.
struct PciEvents {
    kicks: Kicks,
    interrupts: Interrupts,
}

impl QueueEvents for PciEvents {
    fn connect(&mut self, queue: u16) -> io::Result<(EventFd, Arc<dyn Notifier>)> {
        let used_buffers = self.interrupts.start(queue)?;
        Ok((self.kicks.add(queue)?, used_buffers))
    }

    fn disconnect_all(&mut self) {
        self.kicks.clear();
        self.interrupts.reset();
    }
}

impl VirtioPci {
    /// A device that no guest has touched. Its BAR is where
    /// [`PciFunction::place`] puts it.
    ///
    /// # Errors
    ///
    /// The machine has no such interrupt line, or the program no descriptors
    /// left.
    pub fn new(device: Box<dyn VirtioDevice>, attachment: Attachment) -> io::Result<Self> {
        let queues = device.queue_count();
        // One for each queue, and one for the configuration.
        let vectors = queues.saturating_add(1).min(MAX_VECTORS);
        let Attachment {
            memory,
            wiring,
            line,
            faults,
        } = attachment;
        let config = config_space(device.device_id(), queues, vectors, line);
        let line = InterruptLine::new(wiring.clone(), line)?;
        let interrupts = Interrupts::new(wiring.clone(), line, vectors, queues, faults.clone())?;
        let config_change = interrupts.config_change();
        Ok(Self {
            untouched: config.clone(),
            config,
            bar_bytes: bar_bytes(queues),
            transport: Transport::new(device, memory, faults, config_change),
            events: PciEvents {
                kicks: Kicks::new(wiring, NotifyPlace::Nowhere),
                interrupts,
            },
        })
    }

    /// What tells the driver that the device's config space changed, from any
    /// thread.
    pub fn config_change(&self) -> Arc<dyn Notifier> {
        self.transport.config_change()
    }

    /// Where an address is in the BAR; none where it is not in it, or the BAR is
    /// not decoded.
    fn bar_offset(&self, address: u64) -> Option<u64> {
        let offset = address.checked_sub(self.bar()?)?;
        (offset < u64::from(self.bar_bytes)).then_some(offset)
    }

    /// Where the BAR is; nowhere while it is not decoded.
    fn bar(&self) -> Option<u64> {
        let decoded = self.config.u16_at(COMMAND) & COMMAND_MEMORY != 0;
        decoded.then(|| u64::from(self.config.u32_at(BAR_0)))
    }

    /// Makes the wiring what configuration space says.
    fn settle(&mut self) {
        let command = self.config.u16_at(COMMAND);
        let control = self.config.u16_at(MSIX_CONTROL);
        let interrupts = &mut self.events.interrupts;
        interrupts.line().disable(command & COMMAND_NO_INTX != 0);
        interrupts.set_control(control);
        let place = match self.bar() {
            Some(bar) => NotifyPlace::Spaced(bar.saturating_add(u64::from(NOTIFY))),
            None => NotifyPlace::Nowhere,
        };
        self.events.kicks.move_to(place);
    }

    fn read_bar(&mut self, offset: u64, into: &mut [u8]) {
        into.fill(0);
        let interrupts = &self.events.interrupts;
        match Region::at(offset) {
            Region::Common(offset) => {
                common_config::read(offset, into, &self.transport, &self.events);
            }
            Region::Isr => {
                // Reading it acknowledges what it says.
                if let Some(status) = into.first_mut() {
                    *status = interrupts.line().acknowledge(u8::MAX);
                }
            }
            Region::Device(offset) => self.transport.read_config(offset, into),
            Region::Pending(offset) => interrupts.read_pending(offset, into),
            Region::Table(offset) => interrupts.read_table(offset, into),
            Region::Notify(_) | Region::Nothing => {}
        }
    }

    fn write_bar(&mut self, offset: u64, bytes: &[u8]) {
        match Region::at(offset) {
            Region::Common(offset) => {
                common_config::write(offset, bytes, &mut self.transport, &mut self.events);
            }
            Region::Device(offset) => self.transport.write_config(offset, bytes),
            Region::Table(offset) => self.events.interrupts.write_table(offset, bytes),
            // The hypervisor had no room for it, or it came by the window.
            Region::Notify(queue) => self.events.kicks.kick(queue),
            Region::Isr | Region::Pending(_) | Region::Nothing => {}
        }
    }

    /// Reads the BAR into the window, as wide as the driver says.
    fn read_window(&mut self) {
        if let Some(window) = Window::of(&self.config) {
            let mut data = [0; 4];
            if let Some(data) = data.get_mut(..window.bytes) {
                self.read_bar(window.offset, data);
            }
            self.config.set(WINDOW_DATA, &data);
        }
    }

    /// Writes the window to the BAR, as wide as the driver says.
    fn write_window(&mut self) {
        if let Some(window) = Window::of(&self.config) {
            let data = self.config.u32_at(WINDOW_DATA).to_le_bytes();
            if let Some(data) = data.get(..window.bytes) {
                self.write_bar(window.offset, data);
            }
        }
    }
}

impl PciFunction for VirtioPci {
    fn memory_bytes(&self) -> u32 {
        self.bar_bytes
    }

    fn place(&mut self, address: u32) {
        self.untouched.set(BAR_0, &address.to_le_bytes());
        self.config.set(BAR_0, &address.to_le_bytes());
        self.settle();
    }

    fn read_config(&mut self, offset: u16, into: &mut [u8]) {
        if touches_window(offset, into.len()) {
            self.read_window();
        }
        self.config.read(offset, into);
        let status = STATUS.checked_sub(offset).map(usize::from);
        if let Some(status) = status.and_then(|status| into.get_mut(status))
            && self.events.interrupts.line().causes() != 0
        {
            *status |= STATUS_INTX;
        }
    }

    fn write_config(&mut self, offset: u16, bytes: &[u8]) {
        self.config.write(offset, bytes);
        self.settle();
        if touches_window(offset, bytes.len()) {
            self.write_window();
        }
    }

    fn read_memory(&mut self, address: u64, into: &mut [u8]) -> bool {
        let offset = self.bar_offset(address);
        if let Some(offset) = offset {
            self.read_bar(offset, into);
        }
        offset.is_some()
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> bool {
        let offset = self.bar_offset(address);
        if let Some(offset) = offset {
            self.write_bar(offset, bytes);
        }
        offset.is_some()
    }

    fn reset(&mut self) {
        self.transport.reset(&mut self.events);
        self.events.interrupts.reset_bus();
        self.config = self.untouched.clone();
        self.settle();
    }
}

#[cfg(test)]
#[path = "virtio_pci_tests.rs"]
mod tests;
