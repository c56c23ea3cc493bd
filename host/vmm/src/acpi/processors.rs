//! MADT: the processors, and the controllers of their interrupts (ACPI 6.5,
//! 5.2.12).

use acpi_tables::madt::{EnabledStatus, IoApic, ProcessorLocalApic};
use acpi_tables::sdt::Sdt;
use acpi_tables::{Aml, AmlSink};

use super::{OEM_ID, OEM_REVISION, OEM_TABLE_ID};
use crate::layout::{IOAPIC_ADDRESS, LOCAL_APIC_ADDRESS, SCI_IRQ};
use crate::spec::CpuCount;

/// The table's header, the local APIC's address and the flags.
const HEADER_BYTES: u32 = 44;

/// The table's revision, in ACPI 6.5.
const REVISION: u8 = 5;

/// The flag that says that there are two 8259 as well.
const PC_COMPATIBLE: u32 = 1;

/// An interrupt source override: its type, and its length in bytes (5.2.12.5).
const OVERRIDE: [u8; 2] = [2, 10];

/// Active high, and level-triggered: ACPI's interrupt stays until it is seen.
const HIGH_AND_LEVEL: u16 = 0b1101;

/// The table. A processor's number is its local APIC's, and the IOAPIC has the
/// next one. All other interrupts of a PC are where a PC has them.
pub(super) fn table(cpus: CpuCount) -> impl Aml {
    let mut table = Sdt::new(
        *b"APIC",
        HEADER_BYTES,
        REVISION,
        OEM_ID,
        OEM_TABLE_ID,
        OEM_REVISION,
    );
    table.write_u32(36, LOCAL_APIC_ADDRESS);
    table.write_u32(40, PC_COMPATIBLE);
    let mut structures = Vec::new();
    for cpu in 0..cpus.get() {
        ProcessorLocalApic::new(cpu, cpu, EnabledStatus::Enabled).to_aml_bytes(&mut structures);
    }
    IoApic::new(cpus.get(), IOAPIC_ADDRESS, 0).to_aml_bytes(&mut structures);
    structures.vec(&OVERRIDE);
    structures.byte(0); // The bus: ISA.
    structures.byte(u8::try_from(SCI_IRQ).unwrap_or(0));
    structures.dword(SCI_IRQ);
    structures.word(HIGH_AND_LEVEL);
    table.append_slice(&structures);
    table
}
