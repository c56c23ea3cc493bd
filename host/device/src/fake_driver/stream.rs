//! Bytes on top of a driver's ring, as a port's driver moves them.

use vm_memory::{Address, Bytes, GuestAddress, GuestAddressSpace};

use super::{Buffer, DriverRing, FakeDriverError, GuestRam};

type Result<T> = std::result::Result<T, FakeDriverError>;

/// The driver's side of a transmit queue: each chain is one buffer.
pub struct TransmitDriver {
    ring: DriverRing,
    slots: Slots,
}

impl TransmitDriver {
    /// A queue of `size` buffers of `buffer_bytes` each (Linux: 32 KiB at most).
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::OutOfMemory`].
    pub fn new(ram: &mut GuestRam, size: u16, event_idx: bool, buffer_bytes: u32) -> Result<Self> {
        Ok(Self {
            ring: DriverRing::new(ram, size, event_idx)?,
            slots: Slots::new(ram, size, buffer_bytes)?,
        })
    }

    /// The ring beneath.
    pub fn ring(&mut self) -> &mut DriverRing {
        &mut self.ring
    }

    /// Takes back completed buffers, then queues and publishes as many bytes as
    /// there are free buffers for. Returns how many.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn write(&mut self, data: &[u8]) -> Result<usize> {
        while self.ring.collect()?.is_some() {}
        let memory = self.ring.memory();
        let mut written: usize = 0;
        for piece in data.chunks(self.slots.buffer_len()) {
            let Some(slot) = self.ring.next_free() else {
                break;
            };
            let address = self.slots.address(slot);
            memory.memory().write_slice(piece, address)?;
            self.ring.offer(&[Buffer {
                address,
                length: u32::try_from(piece.len()).unwrap_or(u32::MAX),
                writable: false,
            }])?;
            written = written.saturating_add(piece.len());
        }
        self.ring.publish()?;
        Ok(written)
    }

    /// Empties the queue, as after a reset of the device.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn reset(&mut self) -> Result<()> {
        self.ring.reset()
    }

    /// Whether the device has completed all that was written.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn is_drained(&mut self) -> Result<bool> {
        while self.ring.collect()?.is_some() {}
        Ok(self.ring.free_descriptors() == usize::from(self.ring.spec().size))
    }
}

/// The driver's side of a receive queue: each chain is one buffer.
pub struct ReceiveDriver {
    ring: DriverRing,
    slots: Slots,
}

impl ReceiveDriver {
    /// A queue of `size` buffers of `buffer_bytes` each (Linux: one page), none
    /// offered yet.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::OutOfMemory`].
    pub fn new(ram: &mut GuestRam, size: u16, event_idx: bool, buffer_bytes: u32) -> Result<Self> {
        Ok(Self {
            ring: DriverRing::new(ram, size, event_idx)?,
            slots: Slots::new(ram, size, buffer_bytes)?,
        })
    }

    /// The ring beneath.
    pub fn ring(&mut self) -> &mut DriverRing {
        &mut self.ring
    }

    /// Offers every free buffer.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn fill(&mut self) -> Result<()> {
        while let Some(slot) = self.ring.next_free() {
            self.ring.offer(&[Buffer {
                address: self.slots.address(slot),
                length: self.slots.buffer_bytes,
                writable: true,
            }])?;
        }
        self.ring.publish()
    }

    /// The next buffer that the device filled, if any. It is offered again.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn read_buffer(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(used) = self.ring.collect()? else {
            return Ok(None);
        };
        let slot = u16::try_from(used.head).unwrap_or(0);
        let length = used.written.min(self.slots.buffer_bytes);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let memory = self.ring.memory();
        let address = self.slots.address(slot);
        memory.memory().read_slice(&mut bytes, address)?;
        self.fill()?;
        Ok(Some(bytes))
    }

    /// All bytes that the device has sent. Their buffers are offered again.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn read(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(buffer) = self.read_buffer()? {
            bytes.extend(buffer);
        }
        Ok(bytes)
    }

    /// Empties the queue, as after a reset of the device: nothing is offered.
    ///
    /// # Errors
    ///
    /// [`FakeDriverError::Access`].
    pub fn reset(&mut self) -> Result<()> {
        self.ring.reset()
    }
}

/// A buffer for each descriptor.
struct Slots {
    base: GuestAddress,
    buffer_bytes: u32,
}

impl Slots {
    fn new(ram: &mut GuestRam, count: u16, buffer_bytes: u32) -> Result<Self> {
        let bytes = u64::from(count).saturating_mul(u64::from(buffer_bytes));
        let base = ram.allocate(bytes, 8)?;
        Ok(Self { base, buffer_bytes })
    }

    fn address(&self, slot: u16) -> GuestAddress {
        let offset = u64::from(slot).saturating_mul(u64::from(self.buffer_bytes));
        self.base.unchecked_add(offset)
    }

    fn buffer_len(&self) -> usize {
        usize::try_from(self.buffer_bytes.max(1)).unwrap_or(usize::MAX)
    }
}
