//! The virtio-serial device (VIRTIO 1.2, section 5.3), independent of any bus.
//!
//! This crate knows rings, control messages and the handshake; it leaves
//! sockets, `/dev/kvm`, tasks and plugins to others, and it never logs a
//! guest's bytes. Everything here is synchronous and is driven by its owner:
//!
//! - [`layout`]: port ids, port names, and which virtqueue belongs to whom;
//! - [`features`] and [`config_space`]: what a driver negotiates and reads;
//! - [`control`]: control messages as bytes, and back;
//! - [`handshake`]: the pure state machine behind the control queues;
//! - [`chain`] and [`ring`]: one virtqueue, checked: a guest's fault is an
//!   answer, never a panic, a loop or an allocation that the guest sizes;
//! - [`port_queue`]: one port's bytes, in and out;
//! - [`control_queues`]: the handshake on its two rings;
//! - [`fake_driver`]: the guest's half, for tests, benches and fuzzing.
//!
//! One owner drives each queue. Nothing here takes a lock; guest memory is
//! looked up anew in every call, so a memory table may be swapped between two.

pub mod chain;
pub mod config_space;
pub mod control;
pub mod control_queues;
pub mod fake_driver;
pub mod features;
pub mod handshake;
pub mod layout;
pub mod port_queue;
pub mod ring;

#[cfg(test)]
mod device_tests;

/// Guest memory, which a front end may replace under us at any time.
pub type Memory = vm_memory::GuestMemoryAtomic<vm_memory::GuestMemoryMmap>;

/// One look at guest memory: the regions as they are now.
type MemoryView = vm_memory::GuestMemoryMmap;

/// Where a used-buffer notification goes: an eventfd, a doorbell, a test.
pub trait Interrupt: Send + Sync {
    /// Tells the driver that buffers of this queue were used. Must not block.
    fn signal(&self);
}
