//! PCI bus 0: a host bridge, and one function for each device after it. A guest
//! reaches configuration space by ports 0xcf8 and 0xcfc (PCI 3.0, section
//! 3.2.2.3.2) or in memory (ECAM; PCI Express 2.0, section 7.2.2), and memory
//! where it has placed the functions' BARs.

pub(crate) mod config_space;
mod host_bridge;

use std::ops::Range;

use host_bridge::HostBridge;

/// The first port of configuration access, and how many there are: a 32-bit
/// address, then 32 bits of data. Port 0xcf9 among them, by a byte, is the reset
/// of the chipset and not ours.
pub const CONFIG_PORTS: Range<u16> = 0xcf8..0xd00;

/// The size of bus 0's configuration space in memory (ECAM), in bytes.
pub const ECAM_BYTES: u64 = 1 << 20;

/// How many devices a bus has.
const MAX_DEVICES: usize = 32;

/// The bit of the address port that says that the data port is in use.
const ADDRESS_ENABLE: u32 = 1 << 31;

/// A PCI function, as its bus drives it. Accesses are of any size, at any offset.
pub trait PciFunction: Send {
    /// How much memory its BAR 0 takes: a power of two, or 0 for none.
    fn memory_bytes(&self) -> u32;

    /// Its BAR 0 is here until a guest moves it, and after each reset.
    fn place(&mut self, address: u32);

    /// Reads configuration space.
    fn read_config(&mut self, offset: u16, into: &mut [u8]);

    /// Writes configuration space.
    fn write_config(&mut self, offset: u16, bytes: &[u8]);

    /// Reads memory. False where this is not the function's: then `into` is as it
    /// was.
    fn read_memory(&mut self, address: u64, into: &mut [u8]) -> bool;

    /// Writes memory. False where this is not the function's.
    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> bool;

    /// Becomes what it was before a guest touched it.
    fn reset(&mut self);
}

/// The bus is full (the configuration's fault).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PciFull {
    /// There are 32 devices, the host bridge included.
    #[error("a PCI bus has room for 31 devices, and no more")]
    Devices,
    /// The window has no room.
    #[error(
        "the {bytes} bytes of a PCI device's memory do not fit what is left for them below 4 GiB"
    )]
    Memory {
        /// What the device takes, in bytes.
        bytes: u32,
    },
}

/// The bus, and the guest's way to it.
pub struct PciRoot {
    functions: Vec<Box<dyn PciFunction>>,
    /// Where the next function's memory goes, and where that must end.
    free: Range<u32>,
    /// What the guest last wrote to the address port.
    address: u32,
}

impl PciRoot {
    /// A bus with its host bridge alone. Functions are placed in this window of
    /// guest-physical memory, where a guest leaves them or moves them about.
    pub fn new(window: Range<u32>) -> Self {
        Self {
            functions: vec![Box::new(HostBridge::new())],
            free: window,
            address: 0,
        }
    }

    /// Adds a function, and returns its device number.
    ///
    /// # Errors
    ///
    /// [`PciFull`]: there are too many, or they take too much memory.
    pub fn add(&mut self, mut function: Box<dyn PciFunction>) -> Result<u8, PciFull> {
        let number = self.functions.len();
        if number >= MAX_DEVICES {
            return Err(PciFull::Devices);
        }
        let bytes = function.memory_bytes();
        if bytes > 0 {
            let (place, end) = self
                .free
                .start
                .checked_next_multiple_of(bytes)
                .and_then(|place| Some((place, place.checked_add(bytes)?)))
                .filter(|(_, end)| *end <= self.free.end)
                .ok_or(PciFull::Memory { bytes })?;
            function.place(place);
            self.free.start = end;
        }
        self.functions.push(function);
        Ok(u8::try_from(number).unwrap_or(u8::MAX))
    }

    /// Reads from [`CONFIG_PORTS`]; `offset` is from the first of them.
    pub fn read_ports(&mut self, offset: u64, into: &mut [u8]) {
        match Place::of_port(offset, self.address) {
            Some(place) => self.read_config(place, into),
            None => {
                let address = self.address.to_le_bytes();
                let whole = offset == 0 && into.len() == address.len();
                into.fill(NOTHING);
                if whole {
                    into.copy_from_slice(&address);
                }
            }
        }
    }

    /// Writes to [`CONFIG_PORTS`]. The address is written as a whole, or not.
    pub fn write_ports(&mut self, offset: u64, bytes: &[u8]) {
        match (Place::of_port(offset, self.address), offset, bytes) {
            (Some(place), _, _) => self.write_config(place, bytes),
            (None, 0, &[a, b, c, d]) => {
                self.address = u32::from_le_bytes([a, b, c, d]) & ADDRESS_BITS;
            }
            _ => {}
        }
    }

    /// Reads from configuration space in memory; `offset` is from its start.
    pub fn read_ecam(&mut self, offset: u64, into: &mut [u8]) {
        match Place::of_ecam(offset) {
            Some(place) => self.read_config(place, into),
            None => into.fill(NOTHING),
        }
    }

    /// Writes to configuration space in memory.
    pub fn write_ecam(&mut self, offset: u64, bytes: &[u8]) {
        if let Some(place) = Place::of_ecam(offset) {
            self.write_config(place, bytes);
        }
    }

    /// Reads memory that is nobody else's. False where no function's BAR is
    /// there; then it reads as ones.
    pub fn read_memory(&mut self, address: u64, into: &mut [u8]) -> bool {
        into.fill(NOTHING);
        self.functions
            .iter_mut()
            .any(|function| function.read_memory(address, into))
    }

    /// Writes memory that is nobody else's. False where no function's BAR is
    /// there.
    pub fn write_memory(&mut self, address: u64, bytes: &[u8]) -> bool {
        self.functions
            .iter_mut()
            .any(|function| function.write_memory(address, bytes))
    }

    /// Becomes what it was before a guest touched it, with all functions: the
    /// machine was reset.
    pub fn reset(&mut self) {
        self.address = 0;
        for function in &mut self.functions {
            function.reset();
        }
    }

    fn read_config(&mut self, place: Place, into: &mut [u8]) {
        match self.functions.get_mut(place.device) {
            Some(function) => function.read_config(place.register, into),
            None => into.fill(NOTHING),
        }
    }

    fn write_config(&mut self, place: Place, bytes: &[u8]) {
        if let Some(function) = self.functions.get_mut(place.device) {
            function.write_config(place.register, bytes);
        }
    }
}

/// What a read gives where nobody answers.
const NOTHING: u8 = 0xff;

/// The bits of the address port that are not reserved.
const ADDRESS_BITS: u32 = 0x80ff_fffc;

/// A register of a device's function 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    device: usize,
    register: u16,
}

impl Place {
    /// A place on another bus, or of another function, is where no device is.
    const NOWHERE: Self = Self {
        device: MAX_DEVICES,
        register: 0,
    };

    /// What the data port leads to; none for the other ports.
    fn of_port(offset: u64, address: u32) -> Option<Self> {
        let within = u16::try_from(offset.checked_sub(4)?).ok()?;
        if within > 3 {
            return None;
        }
        if address & ADDRESS_ENABLE == 0 {
            return Some(Self::NOWHERE);
        }
        let [register, function, bus, _] = address.to_le_bytes();
        Some(match (bus, function & 7) {
            (0, 0) => Self {
                device: usize::from(function >> 3),
                register: u16::from(register & !3) | within,
            },
            _ => Self::NOWHERE,
        })
    }

    /// What memory leads to; none past bus 0.
    fn of_ecam(offset: u64) -> Option<Self> {
        let offset = u32::try_from(offset).ok()?;
        if u64::from(offset) >= ECAM_BYTES || (offset >> 12) & 7 != 0 {
            return None;
        }
        Some(Self {
            device: usize::try_from(offset >> 15).ok()?,
            register: u16::try_from(offset & 0xfff).ok()?,
        })
    }
}

#[cfg(test)]
#[path = "pci_tests.rs"]
mod tests;
