//! MADT: the processors, and the controllers of their interrupts (ACPI 6.5,
//! 5.2.12).

use acpi_tables::madt::{EnabledStatus, IoApic, ProcessorLocalApic};
use acpi_tables::{Aml, AmlSink};

use crate::layout::{IOAPIC_ADDRESS, LOCAL_APIC_ADDRESS, SCI_IRQ};
use crate::spec::CpuCount;

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
    let mut content = Vec::new();
    content.dword(LOCAL_APIC_ADDRESS);
    content.dword(PC_COMPATIBLE);
    for cpu in 0..cpus.get() {
        ProcessorLocalApic::new(cpu, cpu, EnabledStatus::Enabled).to_aml_bytes(&mut content);
    }
    IoApic::new(cpus.get(), IOAPIC_ADDRESS, 0).to_aml_bytes(&mut content);
    content.vec(&OVERRIDE);
    content.byte(0); // The bus: ISA.
    content.byte(u8::try_from(SCI_IRQ).unwrap_or(0));
    content.dword(SCI_IRQ);
    content.word(HIGH_AND_LEVEL);
    super::table(*b"APIC", REVISION, &content)
}
