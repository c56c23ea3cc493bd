//! A KVM microVM: a machine small enough to read in an afternoon.
//!
//! This crate knows `/dev/kvm`, memory, boot protocols, interrupts and buses. It
//! knows nothing of ports, plugins or tasks: a virtio device comes to it as a
//! [`virtio::VirtioDevice`], and meets it again only through eventfds and guest
//! memory.

mod interrupt_line;
mod kicks;
pub mod kvm_events;
pub mod pci;
mod registers;
pub mod transport;
pub mod virtio;
pub mod virtio_mmio;
pub mod virtio_pci;
pub mod wiring;

#[cfg(test)]
mod fake_device;
#[cfg(test)]
mod fake_wiring;
#[cfg(test)]
mod pci_driver;
