//! A KVM microVM: a machine small enough to read in an afternoon.
//!
//! This crate knows `/dev/kvm`, memory, boot protocols, interrupts and buses. It
//! knows nothing of ports, plugins or tasks: a virtio device comes to it as a
//! [`virtio::VirtioDevice`], and meets it again only through eventfds and guest
//! memory.

pub mod kvm_events;
pub mod virtio;
pub mod wiring;
