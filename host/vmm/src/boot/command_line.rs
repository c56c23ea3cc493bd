//! The kernel's command line, and the virtio-mmio devices that it announces.

use linux_loader::cmdline::{Cmdline, Error};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::BootError;
use crate::acpi::BusDescription;
use crate::devices::mmio_addresses;
use crate::layout::COMMAND_LINE_ADDRESS;
use crate::spec::MachineSpec;
use crate::virtio_mmio::MMIO_BYTES;

/// Writes it. Answers its length in bytes, without the zero at its end.
pub(super) fn write(
    spec: &MachineSpec,
    bus: &BusDescription,
    max_bytes: usize,
    guest: &GuestMemoryMmap,
) -> Result<u32, BootError> {
    let mmio_irqs = match bus {
        BusDescription::Mmio(irqs) => irqs.as_slice(),
        BusDescription::Pci(_) => &[],
    };
    let text = text(&spec.command_line, mmio_irqs, max_bytes)?;
    guest.write_slice(
        &[&text[..], &[0]].concat(),
        GuestAddress(COMMAND_LINE_ADDRESS),
    )?;
    // As long as `max_bytes` at most.
    Ok(u32::try_from(text.len()).unwrap_or(u32::MAX))
}

/// The owner's words, and what they do not have to say.
fn text(given: &str, mmio_irqs: &[u32], max_bytes: usize) -> Result<Vec<u8>, BootError> {
    let refused = |reason: &dyn ToString| BootError::CommandLine {
        reason: reason.to_string(),
        max_bytes,
    };
    let too_long = || refused(&format!("it has {} bytes", given.len()));
    if let Some(odd) = given.chars().find(|one| !matches!(one, ' '..='~')) {
        return Err(refused(&format!("{odd:?} is in it")));
    }
    // The crate counts the zero at the end.
    let capacity = max_bytes.saturating_add(1);
    let mut line = Cmdline::try_from(given, capacity).map_err(|error| match error {
        Error::TooLarge | Error::InvalidCapacity => too_long(),
        other => refused(&other),
    })?;
    for (address, irq) in mmio_addresses().zip(mmio_irqs) {
        line.add_virtio_mmio_device(MMIO_BYTES, GuestAddress(address), *irq, None)
            .map_err(|error| refused(&error))?;
    }
    Ok(line
        .as_cstring()
        .map_err(|error| refused(&error))?
        .into_bytes())
}

#[cfg(test)]
#[path = "command_line_tests.rs"]
mod tests;
