//! DSDT: what there is that a kernel cannot find by itself, in ACPI's own
//! language (ACPI 6.5, chapters 6, 19 and 20).

use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Device, EISAName, IO, Interrupt, Memory32Fixed, Name, ONE,
    Package, PackageBuilder, ResourceTemplate, Scope,
};

use crate::devices::mmio_addresses;
use crate::layout::{PCI_WINDOW, SERIAL_IRQ, SERIAL_PORTS};
use crate::pci::CONFIG_PORTS;
use crate::power::SOFT_OFF;
use crate::virtio_mmio::MMIO_BYTES;

/// The bus that virtio devices are on, as a kernel is told of it.
pub(crate) enum BusDescription {
    /// PCI: for each slot, the interrupt that its INTA raises.
    Pci(Vec<(u8, u32)>),
    /// MMIO: the interrupt of each device, in order of their addresses.
    Mmio(Vec<u32>),
}

/// The revision whose integers have 64 bits.
const REVISION: u8 = 2;

/// The table.
pub(super) fn table(bus: &BusDescription) -> impl Aml {
    let mut content = Vec::new();
    let off = SOFT_OFF;
    Name::new("_S5_".into(), &Package::new(vec![&off, &off])).to_aml_bytes(&mut content);
    serial(&mut content);
    match bus {
        BusDescription::Pci(lines) => pci(lines, &mut content),
        BusDescription::Mmio(irqs) => mmio(irqs, &mut content),
    }
    super::table(*b"DSDT", REVISION, &content)
}

/// COM1.
fn serial(content: &mut Vec<u8>) {
    let (first, count) = (SERIAL_PORTS.start, SERIAL_PORTS.len());
    let ports = IO::new(first, first, 1, u8::try_from(count).unwrap_or(0));
    let interrupt = Interrupt::new(true, true, false, false, SERIAL_IRQ);
    device(
        "COM1",
        &EISAName::new("PNP0501"),
        0,
        &[&ports, &interrupt],
        &[],
        content,
    );
}

/// The root of the PCI bus: one bus, reached by ports, with a window for memory
/// and none for ports.
fn pci(lines: &[(u8, u32)], content: &mut Vec<u8>) {
    let bus = AddressSpace::new_bus_number(0_u16, 0);
    let (first, count) = (CONFIG_PORTS.start, CONFIG_PORTS.len());
    let ports = IO::new(first, first, 1, u8::try_from(count).unwrap_or(0));
    let window = AddressSpace::new_memory(
        AddressSpaceCacheable::NotCacheable,
        true,
        PCI_WINDOW.start,
        PCI_WINDOW.end.saturating_sub(1),
        None,
    );
    let mut routes = PackageBuilder::new();
    for (slot, gsi) in lines {
        // Any function of the slot, and pin A.
        let address = u32::from(*slot) << 16 | 0xffff;
        routes.add_element(&Package::new(vec![&address, &0_u8, &0_u8, gsi]));
    }
    device(
        "PCI0",
        &EISAName::new("PNP0A03"),
        0,
        &[&bus, &ports, &window],
        &[&Name::new("_PRT".into(), &routes)],
        content,
    );
}

/// Virtio-mmio devices (VIRTIO 1.2, 4.2; the name is Linux's, in
/// `virtio_mmio.c`).
fn mmio(irqs: &[u32], content: &mut Vec<u8>) {
    for (number, (address, irq)) in (0_u8..).zip(mmio_addresses().zip(irqs)) {
        let registers = Memory32Fixed::new(
            true,
            u32::try_from(address).unwrap_or(0),
            u32::try_from(MMIO_BYTES).unwrap_or(0),
        );
        // Level-triggered, and high until it is acknowledged.
        let interrupt = Interrupt::new(true, false, false, false, *irq);
        device(
            &format!("VR{number:02}"),
            &"LNRO0005",
            number,
            &[&registers, &interrupt],
            // It sees memory as the processors do.
            &[&Name::new("_CCA".into(), &ONE)],
            content,
        );
    }
}

/// A device below the system bus.
fn device(
    name: &str,
    id: &dyn Aml,
    number: u8,
    resources: &[&dyn Aml],
    more: &[&dyn Aml],
    content: &mut Vec<u8>,
) {
    let id = Name::new("_HID".into(), id);
    let number = Name::new("_UID".into(), &number);
    let resources = Name::new("_CRS".into(), &ResourceTemplate::new(resources.to_vec()));
    let mut members: Vec<&dyn Aml> = vec![&id, &number, &resources];
    members.extend(more);
    let device = Device::new(name.into(), members);
    Scope::new("_SB_".into(), vec![&device]).to_aml_bytes(content);
}
