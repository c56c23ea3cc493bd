//! The guest's half of the device, in this process: for tests, benches and
//! fuzzing, here and in other crates.
//!
//! - [`GuestRam`]: guest memory, anonymous or in a file that a vhost-user front
//!   end can share;
//! - [`DriverRing`]: the driver's side of one virtqueue, well-behaved or not:
//!   it can write any descriptor and any index;
//! - [`TransmitDriver`] and [`ReceiveDriver`]: bytes on top of such a ring;
//! - [`InterruptCounter`]: where a device's notifications go;
//! - [`FakeGuest`]: a whole device's driver, which speaks the control protocol
//!   as Linux's `virtio_console` does.
//!
//! Nothing here runs by itself: a test moves both halves, in one thread or in
//! two. What a driver would do in an interrupt is a call.

mod guest;
mod interrupt;
mod ram;
mod ring;
mod stream;

pub use guest::{FakeGuest, FakeGuestSpec, GuestPort};
pub use interrupt::InterruptCounter;
pub use ram::{Backing, GuestRam, RamRegion};
pub use ring::{Buffer, DriverRing, RawDescriptor, Used};
pub use stream::{ReceiveDriver, TransmitDriver};

/// The size of a page, and of a receive buffer in Linux's driver, in bytes.
pub const PAGE_BYTES: u32 = 4096;

/// Why the fake driver could not do something: the test's own fault.
#[derive(Debug, thiserror::Error)]
pub enum FakeDriverError {
    /// No memory of that kind and size.
    #[error("the fake guest's memory cannot be made: {0}")]
    Memory(#[source] std::io::Error),
    /// More was allocated than there is.
    #[error("the fake guest has no {bytes} bytes of memory left")]
    OutOfMemory {
        /// What was asked for, in bytes.
        bytes: u64,
    },
    /// An address outside of the guest's memory.
    #[error("the fake driver reached outside of its own memory: {0}")]
    Access(#[from] vm_memory::GuestMemoryError),
    /// More descriptors were offered than are free.
    #[error("the fake driver's queue is full")]
    QueueFull,
    /// There is no such port.
    #[error("the fake guest does not know port {0}")]
    UnknownPort(crate::layout::PortId),
}
