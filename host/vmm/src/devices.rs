//! A machine's virtio devices on their bus, PCI or MMIO: where each of them is,
//! and which interrupt line is its own.

use std::io;
use std::sync::Arc;

use vm_memory::GuestMemoryMmap;

use crate::acpi::BusDescription;
use crate::layout::{DEVICE_LINES, PCI_CONFIG_WINDOW, PCI_WINDOW, VIRTIO_MMIO_WINDOW};
use crate::loan::{Loan, lend};
use crate::pci::{PciFull, PciRoot};
use crate::spec::Transport;
use crate::transport::{Attachment, FaultSink};
use crate::virtio::VirtioDevice;
use crate::virtio_mmio::{MMIO_BYTES, VirtioMmio};
use crate::virtio_pci::VirtioPci;
use crate::wiring::{EventWiring, Gsi};

/// Why a machine's devices are not on its bus.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// There are too many: the configuration's fault.
    #[error("a machine has room for {} virtio devices, and is to have {count}", DEVICE_LINES.len())]
    TooMany {
        /// How many there are to be.
        count: usize,
    },
    /// They do not fit the bus: the configuration's fault.
    #[error(transparent)]
    Full(#[from] PciFull),
    /// A device's events cannot be made: the host's fault.
    #[error(
        "cannot make the events of a virtio device: {0}; it takes one for each queue and vector: \
         raise `ulimit -n`"
    )]
    Events(#[from] io::Error),
}

/// What all devices of a machine find in it.
pub(crate) struct Surroundings<'a> {
    pub(crate) memory: &'a GuestMemoryMmap,
    pub(crate) wiring: &'a Arc<dyn EventWiring>,
    pub(crate) faults: &'a FaultSink,
}

/// All devices, as a guest reaches them.
pub(crate) struct Devices {
    bus: Bus,
    loans: Vec<Loan>,
    description: BusDescription,
}

enum Bus {
    Pci(PciRoot),
    Mmio(Vec<VirtioMmio>),
}

impl Devices {
    /// Puts `devices` on their bus, in order.
    pub(crate) fn new(
        transport: Transport,
        devices: Vec<Box<dyn VirtioDevice>>,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, DeviceError> {
        let count = devices.len();
        if count > DEVICE_LINES.len() {
            return Err(DeviceError::TooMany { count });
        }
        let (lent, loans): (Vec<_>, Vec<_>) = devices.into_iter().map(lend).unzip();
        let lent = lent.into_iter().zip(DEVICE_LINES).map(|(device, line)| {
            let attachment = Attachment {
                memory: surroundings.memory.clone(),
                wiring: Arc::clone(surroundings.wiring),
                line: Gsi(line),
                faults: Arc::clone(surroundings.faults),
            };
            (Box::new(device), line, attachment)
        });
        let (bus, description) = match transport {
            Transport::Pci => {
                let mut root = PciRoot::new(PCI_WINDOW);
                let mut lines = Vec::new();
                for (device, line, attachment) in lent {
                    let function = VirtioPci::new(device, attachment)?;
                    lines.push((root.add(Box::new(function))?, line));
                }
                (Bus::Pci(root), BusDescription::Pci(lines))
            }
            Transport::Mmio => {
                let mut devices = Vec::new();
                let mut lines = Vec::new();
                for ((device, line, attachment), address) in lent.zip(mmio_addresses()) {
                    devices.push(VirtioMmio::new(device, address, attachment)?);
                    lines.push(line);
                }
                (Bus::Mmio(devices), BusDescription::Mmio(lines))
            }
        };
        Ok(Self {
            bus,
            loans,
            description,
        })
    }

    /// How a kernel is told of them.
    pub(crate) fn description(&self) -> &BusDescription {
        &self.description
    }

    /// Reads PCI's ports; `offset` is from the first of them.
    pub(crate) fn read_ports(&mut self, offset: u8, into: &mut [u8]) {
        match &mut self.bus {
            Bus::Pci(root) => root.read_ports(offset.into(), into),
            Bus::Mmio(_) => into.fill(0xff),
        }
    }

    /// Writes PCI's ports.
    pub(crate) fn write_ports(&mut self, offset: u8, bytes: &[u8]) {
        if let Bus::Pci(root) = &mut self.bus {
            root.write_ports(offset.into(), bytes);
        }
    }

    /// Reads memory that is no RAM.
    pub(crate) fn read_memory(&mut self, address: u64, into: &mut [u8]) {
        into.fill(0xff);
        match &mut self.bus {
            Bus::Pci(root) => match config_offset(address) {
                Some(offset) => root.read_ecam(offset, into),
                None => _ = root.read_memory(address, into),
            },
            Bus::Mmio(devices) => {
                if let Some((device, offset)) = mmio_device(devices, address) {
                    device.read(offset, into);
                }
            }
        }
    }

    /// Writes memory that is no RAM.
    pub(crate) fn write_memory(&mut self, address: u64, bytes: &[u8]) {
        match &mut self.bus {
            Bus::Pci(root) => match config_offset(address) {
                Some(offset) => root.write_ecam(offset, bytes),
                None => _ = root.write_memory(address, bytes),
            },
            Bus::Mmio(devices) => {
                if let Some((device, offset)) = mmio_device(devices, address) {
                    device.write(offset, bytes);
                }
            }
        }
    }

    /// Resets all devices and gives them back. From now on there are none.
    pub(crate) fn take_back(&mut self) -> Vec<Box<dyn VirtioDevice>> {
        // Each transport resets its device as it goes.
        self.bus = Bus::Mmio(Vec::new());
        self.loans.drain(..).filter_map(Loan::give_back).collect()
    }
}

/// Where each MMIO device's registers begin.
pub(crate) fn mmio_addresses() -> impl Iterator<Item = u64> {
    VIRTIO_MMIO_WINDOW.step_by(usize::try_from(MMIO_BYTES).unwrap_or(1))
}

/// How far an address is in PCI's configuration space; none where it is not.
fn config_offset(address: u64) -> Option<u64> {
    PCI_CONFIG_WINDOW
        .contains(&address)
        .then(|| address.saturating_sub(PCI_CONFIG_WINDOW.start))
}

/// Whose registers an address is in, and how far.
fn mmio_device(devices: &mut [VirtioMmio], address: u64) -> Option<(&mut VirtioMmio, u64)> {
    let from_first = address.checked_sub(VIRTIO_MMIO_WINDOW.start)?;
    let index = usize::try_from(from_first.checked_div(MMIO_BYTES)?).ok()?;
    Some((devices.get_mut(index)?, from_first.checked_rem(MMIO_BYTES)?))
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
