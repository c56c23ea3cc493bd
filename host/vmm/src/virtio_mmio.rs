//! A virtio device as registers in memory (VIRTIO 1.2, section 4.2), version 2,
//! with one interrupt line. For kernels without PCI.

use std::io;
use std::sync::Arc;

use vmm_sys_util::eventfd::EventFd;

use crate::interrupt_line::{CONFIG_CHANGE, InterruptLine, USED_BUFFERS};
use crate::kicks::{Kicks, NotifyPlace};
use crate::transport::queue::{MAX_QUEUE_SIZE, Part};
use crate::transport::{Attachment, QueueEvents, Transport};
use crate::virtio::{Notifier, VirtioDevice};

/// The size of a device's registers, in bytes: 0x100 of the transport's, then
/// the device's config space.
pub const MMIO_BYTES: u64 = 0x1000;

/// "virt", little-endian.
const MAGIC: u32 = 0x7472_6976;
/// Not the legacy one.
const VERSION: u32 = 2;
/// Who made the device. As with PCI: what Linux shows, and nobody asks for.
const VENDOR: u32 = 0x1af4;
/// Where config space begins.
const CONFIG: u64 = 0x100;
/// Where the driver writes the index of a queue to notify it.
const QUEUE_NOTIFY: u64 = 0x50;
/// What each half of a shared memory region's length and base reads as: there is
/// no region.
const NO_REGION: u32 = u32::MAX;

/// A virtio device as registers in memory.
pub struct VirtioMmio {
    transport: Transport,
    events: MmioEvents,
}

struct MmioEvents {
    kicks: Kicks,
    line: Arc<InterruptLine>,
}

impl QueueEvents for MmioEvents {
    fn connect(&mut self, queue: u16) -> io::Result<(EventFd, Arc<dyn Notifier>)> {
        Ok((self.kicks.add(queue)?, teller(&self.line, USED_BUFFERS)))
    }

    fn disconnect_all(&mut self) {
        self.kicks.clear();
        self.line.acknowledge(u8::MAX);
    }
}

impl VirtioMmio {
    /// A device that no guest has touched, whose registers begin at this address
    /// of guest-physical memory.
    ///
    /// # Errors
    ///
    /// The machine has no such interrupt line.
    pub fn new(
        device: Box<dyn VirtioDevice>,
        address: u64,
        attachment: Attachment,
    ) -> io::Result<Self> {
        let Attachment {
            memory,
            wiring,
            line,
            faults,
        } = attachment;
        let line = Arc::new(InterruptLine::new(wiring.clone(), line)?);
        let config_change = teller(&line, CONFIG_CHANGE);
        let notify = NotifyPlace::Shared(address.saturating_add(QUEUE_NOTIFY));
        let kicks = Kicks::new(wiring, notify);
        Ok(Self {
            transport: Transport::new(device, memory, faults, config_change),
            events: MmioEvents { kicks, line },
        })
    }

    /// What tells the driver that the device's config space changed, from any
    /// thread.
    pub fn config_change(&self) -> Arc<dyn Notifier> {
        self.transport.config_change()
    }

    /// Becomes what it was before a guest touched it.
    pub fn reset(&mut self) {
        self.transport.reset(&mut self.events);
    }

    /// Reads registers or config space; `offset` is from the first register. A
    /// register is read as a whole (section 4.2.2.2): else it reads as zero.
    pub fn read(&mut self, offset: u64, into: &mut [u8]) {
        into.fill(0);
        if let Some(offset) = offset.checked_sub(CONFIG) {
            self.transport.read_config(offset, into);
        } else if let Ok(whole) = <&mut [u8; 4]>::try_from(into) {
            *whole = self.register(offset).to_le_bytes();
        }
    }

    /// Writes registers or config space. A register is written as a whole: all
    /// else is ignored.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        if let Some(offset) = offset.checked_sub(CONFIG) {
            self.transport.write_config(offset, bytes);
        } else if let &[a, b, c, d] = bytes {
            self.set_register(offset, u32::from_le_bytes([a, b, c, d]));
        }
    }

    fn register(&self, offset: u64) -> u32 {
        let transport = &self.transport;
        match offset {
            0x000 => MAGIC,
            0x004 => VERSION,
            0x008 => u32::from(transport.device_id()),
            0x00c => VENDOR,
            0x010 => transport.device_features(),
            // QueueNumMax, QueueReady: 0 for a queue that does not exist.
            0x034 => transport.queue().map_or(0, |_| u32::from(MAX_QUEUE_SIZE)),
            0x044 => transport
                .queue()
                .map_or(0, |queue| u32::from(queue.enabled)),
            0x060 => u32::from(self.events.line.causes()),
            0x070 => u32::from(transport.status()),
            // SHMLen and SHMBase, of whichever region SHMSel (0x0ac) selects.
            0x0b0 | 0x0b4 | 0x0b8 | 0x0bc => NO_REGION,
            0x0fc => u32::from(transport.config_generation()),
            _ => 0,
        }
    }

    fn set_register(&mut self, offset: u64, value: u32) {
        let transport = &mut self.transport;
        let events = &mut self.events;
        match offset {
            0x014 => transport.device_feature_select = value,
            0x020 => transport.choose_features(value),
            0x024 => transport.driver_feature_select = value,
            // A queue past the last number that there is does not exist: as the
            // last one, which no device has.
            0x030 => transport.queue_select = u16::try_from(value).unwrap_or(u16::MAX),
            0x038 => transport.set_up(|queue| queue.set_size(value)),
            0x044 => transport.enable_queue(value == 1, events),
            QUEUE_NOTIFY => {
                if let Ok(queue) = u16::try_from(value) {
                    events.kicks.kick(queue);
                }
            }
            0x064 => {
                let [causes, ..] = value.to_le_bytes();
                events.line.acknowledge(causes);
            }
            // A status of more than eight bits is none, and no reset either.
            0x070 => {
                if let Ok(status) = u8::try_from(value) {
                    transport.write_status(status, events);
                }
            }
            0x080 => transport.set_up(|queue| queue.set_address(Part::Descriptors, 0, value)),
            0x084 => transport.set_up(|queue| queue.set_address(Part::Descriptors, 1, value)),
            0x090 => transport.set_up(|queue| queue.set_address(Part::Available, 0, value)),
            0x094 => transport.set_up(|queue| queue.set_address(Part::Available, 1, value)),
            0x0a0 => transport.set_up(|queue| queue.set_address(Part::Used, 0, value)),
            0x0a4 => transport.set_up(|queue| queue.set_address(Part::Used, 1, value)),
            _ => {}
        }
    }
}

fn teller(line: &Arc<InterruptLine>, cause: u8) -> Arc<dyn Notifier> {
    Arc::new(Teller {
        line: line.clone(),
        cause,
    })
}

/// Tells the driver by the line.
struct Teller {
    line: Arc<InterruptLine>,
    cause: u8,
}

impl Notifier for Teller {
    fn notify(&self) {
        self.line.raise(self.cause);
    }
}

#[cfg(test)]
#[path = "virtio_mmio_tests.rs"]
mod tests;
