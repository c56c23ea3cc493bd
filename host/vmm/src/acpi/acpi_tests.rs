#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use super::*;
use crate::memory::allocate;
use crate::power;
use crate::spec::MemorySize;

/// The tables as a kernel finds them: the root pointer, and each table by its
/// signature, all checksums checked.
struct Found {
    memory: GuestMemoryMmap,
}

impl Found {
    fn of(cpus: u8, bus: &BusDescription) -> Self {
        let memory = allocate(MemorySize::MIN).unwrap();
        let root = write(CpuCount::new(cpus).unwrap(), bus, &memory).unwrap();
        assert_eq!(root, ACPI_TABLES.start);
        Self { memory }
    }

    fn bytes(&self, address: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.memory
            .read_slice(&mut bytes, GuestAddress(address))
            .unwrap();
        bytes
    }

    fn number<const N: usize>(bytes: &[u8], offset: usize) -> u64 {
        let mut number = [0; 8];
        number[..N].copy_from_slice(&bytes[offset..offset + N]);
        u64::from_le_bytes(number)
    }

    fn table_at(&self, address: u64) -> Vec<u8> {
        let length = Self::number::<4>(&self.bytes(address, 8), 4);
        let table = self.bytes(address, usize::try_from(length).unwrap());
        assert!(address + length <= ACPI_TABLES.end);
        assert_eq!(sum(&table), 0, "checksum of {:?}", table.get(..4));
        table
    }

    fn table(&self, signature: &[u8; 4]) -> Vec<u8> {
        let root = self.bytes(ACPI_TABLES.start, 36);
        assert_eq!(&root[..8], b"RSD PTR ");
        assert_eq!((sum(&root[..20]), sum(&root)), (0, 0));
        let list = self.table_at(Self::number::<8>(&root, 24));
        assert_eq!(&list[..4], b"XSDT");
        (36..list.len())
            .step_by(8)
            .map(|at| self.table_at(Self::number::<8>(&list, at)))
            .find(|table| table.starts_with(signature))
            .expect("the table is in the list")
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[test]
fn the_fixed_table_points_to_registers_that_do_what_it_says() {
    let found = Found::of(1, &BusDescription::Pci(Vec::new()));
    let fixed = found.table(b"FACP");
    assert_eq!(Found::number::<2>(&fixed, 46), 9, "interrupt");
    assert_eq!(Found::number::<4>(&fixed, 56), 0x600, "events");
    assert_eq!(Found::number::<4>(&fixed, 64), 0x604, "control");
    assert_eq!((fixed[88], fixed[89]), (4, 2), "lengths");
    let flags = Found::number::<4>(&fixed, 112);
    assert_eq!(
        flags & (1 << 4 | 1 << 20),
        0,
        "a fixed button, and not hardware-reduced"
    );
    assert_ne!(flags & 1 << 10, 0, "a reset register");
    assert_eq!(Found::number::<8>(&fixed, 120), 0xcf9);
    assert!(power::reset_control(fixed[128]).is_some());
    let control = Found::number::<4>(&fixed, 36);
    assert_eq!(control % 64, 0);
    assert_eq!(found.bytes(control, 4), b"FACS");
    assert_eq!(
        Found::number::<8>(&fixed, 140),
        Found::number::<4>(&fixed, 40)
    );
}

#[test]
fn every_processor_and_both_controllers_are_listed() {
    for cpus in [1, 2, 64] {
        let table = Found::of(cpus, &BusDescription::Pci(Vec::new())).table(b"APIC");
        assert_eq!(Found::number::<4>(&table, 36), 0xfee0_0000);
        let mut at = 44;
        for cpu in 0..cpus {
            assert_eq!(table[at..at + 8], [0, 8, cpu, cpu, 1, 0, 0, 0]);
            at += 8;
        }
        assert_eq!(table[at..at + 4], [1, 12, cpus, 0]);
        assert_eq!(Found::number::<4>(&table, at + 4), 0xfec0_0000);
        assert_eq!(table[at + 12..], [2, 10, 0, 9, 9, 0, 0, 0, 13, 0]);
    }
}

/// The AML of a machine on this bus.
fn description(bus: &BusDescription) -> Vec<u8> {
    let found = Found::of(1, bus);
    let fixed = found.table(b"FACP");
    let table = found.table_at(Found::number::<8>(&fixed, 140));
    assert!(table.starts_with(b"DSDT"));
    table
}

fn has(table: &[u8], part: &[u8]) -> bool {
    table.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_sleep_type_of_soft_off_is_the_one_that_the_registers_take() {
    let table = description(&BusDescription::Pci(Vec::new()));
    // Name, "_S5_", package of two, each a byte.
    let package = [0x12, 6, 2, 0x0a, power::SOFT_OFF, 0x0a, power::SOFT_OFF];
    assert!(has(&table, &[b"\x08_S5_", &package[..]].concat()));
}

#[test]
fn a_machine_has_the_devices_of_its_own_bus_alone() {
    let pci = description(&BusDescription::Pci(vec![(1, 10)]));
    assert!(has(&pci, b"PCI0") && has(&pci, b"_PRT") && !has(&pci, b"LNRO0005"));
    let mmio = description(&BusDescription::Mmio(vec![5, 6]));
    assert!(has(&mmio, b"VR00") && has(&mmio, b"VR01") && !has(&mmio, b"VR02"));
    assert!(has(&mmio, b"LNRO0005") && !has(&mmio, b"PCI0"));
    for table in [pci, mmio] {
        assert!(has(&table, b"COM1"));
    }
}

#[test]
fn configuration_space_in_memory_is_where_the_bus_has_it() {
    let table = Found::of(1, &BusDescription::Pci(Vec::new())).table(b"MCFG");
    assert_eq!(Found::number::<8>(&table, 44), 0xe000_0000);
    // Segment, first and last bus.
    assert_eq!(table[52..56], [0; 4]);
}
