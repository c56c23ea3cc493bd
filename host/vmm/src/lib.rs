//! A KVM microVM: a machine small enough to read in an afternoon.
//!
//! This crate knows `/dev/kvm`, memory, boot protocols, interrupts and buses. It
//! knows nothing of ports, plugins or tasks: a virtio device comes to it as a
//! [`virtio::VirtioDevice`], and meets it again only through eventfds and guest
//! memory.
//!
//! Read [`machine`] first: it builds all else, in order. What a guest does is
//! checked where it arrives, in `bus`; nothing of it panics, waits, or sizes an
//! allocation.

mod acpi;
mod boot;
mod bus;
mod devices;
mod hypervisor;
mod interrupt_line;
mod kicks;
pub mod kvm_events;
mod layout;
mod loan;
pub mod machine;
mod memory;
pub mod pci;
mod power;
mod probe;
mod registers;
pub mod serial;
pub mod spec;
pub mod transport;
mod vcpu;
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
#[cfg(test)]
mod tiny_guest;

pub use self::boot::BootError;
pub use self::devices::DeviceError;
pub use self::hypervisor::HypervisorError;
pub use self::machine::{BuildError, Ended, Handle, Machine, Parts};
pub use self::memory::MemoryError;
pub use self::probe::kvm_only_emulates;
pub use self::spec::{CpuCount, MachineSpec, MemorySize, Transport};
pub use self::vcpu::VcpuFault;
