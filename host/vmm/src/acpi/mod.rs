//! What ACPI tells a kernel: its processors, its bus, how to switch the machine
//! off, and where an interrupt goes (ACPI 6.5, chapter 5).

mod description;
mod fixed;
mod processors;

use acpi_tables::Aml;
use acpi_tables::facs::FACS;
use acpi_tables::mcfg::MCFG;
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;
use vm_memory::{Bytes, GuestAddress, GuestMemoryError, GuestMemoryMmap};

pub(crate) use self::description::BusDescription;
use crate::layout::{ACPI_TABLES, PCI_CONFIG_WINDOW};
use crate::spec::CpuCount;

/// Who made these tables, as each of them says.
const OEM_ID: [u8; 6] = *b"PORTUN";
const OEM_TABLE_ID: [u8; 8] = *b"PORTUNUS";
const OEM_REVISION: u32 = 1;

/// The firmware control structure stands on such a boundary (5.2.10), and the
/// root pointer on a lesser one.
const ALIGNMENT: u64 = 64;

/// Writes all tables. Answers where they begin: the root pointer's address.
pub(crate) fn write(
    cpus: CpuCount,
    bus: &BusDescription,
    memory: &GuestMemoryMmap,
) -> Result<u64, GuestMemoryError> {
    // The root pointer comes first, and is known last.
    let root_bytes = u64::try_from(Rsdp::len()).unwrap_or(0);
    let mut shelf = Shelf {
        memory,
        next: ACPI_TABLES.start.saturating_add(root_bytes),
    };
    let description = shelf.put(&description::table(bus))?;
    let control = shelf.put(&FACS::new())?;
    let fixed = shelf.put(&fixed::table(description, control))?;
    let processors = shelf.put(&processors::table(cpus))?;
    let mut root = XSDT::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION);
    root.add_entry(fixed);
    root.add_entry(processors);
    if let BusDescription::Pci(_) = bus {
        let mut config = MCFG::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION);
        config.add_ecam(PCI_CONFIG_WINDOW.start, 0, 0, 0);
        root.add_entry(shelf.put(&config)?);
    }
    let root = shelf.put(&root)?;
    shelf.next = ACPI_TABLES.start;
    shelf.put(&Rsdp::new(OEM_ID, root))
}

/// The length of a table's header.
const HEADER_BYTES: u32 = 36;

/// A table with a header of ours before `content`.
fn table(signature: [u8; 4], revision: u8, content: &[u8]) -> Sdt {
    let mut table = Sdt::new(
        signature,
        HEADER_BYTES,
        revision,
        OEM_ID,
        OEM_TABLE_ID,
        OEM_REVISION,
    );
    table.append_slice(content);
    table
}

/// Puts one table behind the other.
struct Shelf<'a> {
    memory: &'a GuestMemoryMmap,
    next: u64,
}

impl Shelf<'_> {
    /// Answers where it is.
    fn put(&mut self, table: &dyn Aml) -> Result<u64, GuestMemoryError> {
        let mut bytes = Vec::new();
        table.to_aml_bytes(&mut bytes);
        let address = self.next.next_multiple_of(ALIGNMENT);
        self.memory.write_slice(&bytes, GuestAddress(address))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.next = address.saturating_add(length);
        Ok(address)
    }
}

#[cfg(test)]
#[path = "acpi_tests.rs"]
mod tests;
