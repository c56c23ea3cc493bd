use proptest::prelude::*;

use super::*;
use crate::fake_device::{Seen, memory};
use crate::fake_wiring::FakeWiring;

/// Two devices on this bus.
fn devices(transport: Transport) -> (Devices, [Seen; 2]) {
    let seen = [Seen::default(), Seen::default()];
    let wiring: Arc<dyn EventWiring> = FakeWiring::new();
    let surroundings = Surroundings {
        memory: &memory(),
        wiring: &wiring,
        faults: &(Arc::new(|_: &_| {}) as FaultSink),
    };
    let both = seen.iter().map(Seen::device).collect();
    (Devices::new(transport, both, &surroundings).unwrap(), seen)
}

fn read(devices: &mut Devices, address: u64) -> [u8; 4] {
    let mut bytes = [0; 4];
    devices.read_memory(address, &mut bytes);
    bytes
}

#[test]
fn each_mmio_device_has_a_page_of_its_own_and_behind_the_last_is_nothing() {
    let (mut devices, _) = devices(Transport::Mmio);
    for (address, expected) in [
        (0xf000_0000, *b"virt"),
        (0xf000_1000, *b"virt"),
        (0xf000_2000, [0xff; 4]),
        (0xefff_f000, [0xff; 4]),
    ] {
        assert_eq!(read(&mut devices, address), expected, "{address:#x}");
    }
    let BusDescription::Mmio(lines) = devices.description() else {
        panic!("it is PCI");
    };
    assert_eq!(*lines, [10, 11]);
}

#[test]
fn each_pci_device_has_a_slot_and_a_line_of_its_own() {
    let (mut devices, _) = devices(Transport::Pci);
    let BusDescription::Pci(lines) = devices.description() else {
        panic!("it is MMIO");
    };
    assert_eq!(*lines, [(1, 10), (2, 11)]);
    // The vendor and the device, then where none is.
    let console = [0xf4, 0x1a, 0x43, 0x10];
    for (slot, expected) in [(1, console), (2, console), (3, [0xff; 4])] {
        assert_eq!(read(&mut devices, 0xe000_0000 | slot << 15), expected);
    }
}

#[test]
fn devices_come_back_reset_and_in_order_and_the_bus_is_then_empty() {
    for transport in [Transport::Pci, Transport::Mmio] {
        let (mut devices, seen) = devices(transport);
        let before = [seen[0].state().resets, seen[1].state().resets];
        seen[0].state().config = *b"first device";
        let back = devices.take_back();
        assert_eq!(back.len(), 2);
        for (device, resets) in seen.iter().zip(before) {
            assert!(device.state().resets > resets);
        }
        let mut config = [0; 5];
        back[0].read_config(0, &mut config);
        assert_eq!(&config, b"first");
        assert_eq!(read(&mut devices, 0xf000_0000), [0xff; 4]);
        assert!(devices.take_back().is_empty());
    }
}

proptest! {
    #[test]
    fn any_access_anywhere_is_answered(
        mmio in any::<bool>(),
        accesses in prop::collection::vec(
            (any::<u64>(), 0_u8..8, prop::collection::vec(any::<u8>(), 0..9)), 0..50
        )
    ) {
        let transport = if mmio { Transport::Mmio } else { Transport::Pci };
        let (mut devices, _) = devices(transport);
        for (address, port, bytes) in accesses {
            let mut into = bytes.clone();
            // Within the windows, and anywhere.
            let registers = 0xf000_0000 | address & 0x1_ffff;
            let config = 0xe000_0000 | address & 0x1f_ffff;
            let bar = 0xc000_0000 | address & 0x1_ffff;
            for address in [address, registers, config, bar] {
                devices.write_memory(address, &bytes);
                devices.read_memory(address, &mut into);
            }
            devices.write_ports(port, &bytes);
            devices.read_ports(port, &mut into);
        }
        prop_assert_eq!(devices.take_back().len(), 2);
    }
}
