//! A guest that misbehaves at the bus: PCI's ports and configuration space, the
//! BARs of two functions wherever it has put them, and the registers of a third
//! device in memory.

#![no_main]

// The devices, the hypervisor and the driver are those of the machine's own tests,
// which note what should not be. What they find in their crate they find here.
use portunus_vmm::{pci, transport, virtio, wiring};

#[path = "../../../host/vmm/src/fake_device.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fake_device;
#[path = "../../../host/vmm/src/fake_wiring.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fake_wiring;
#[path = "../../../host/vmm/src/pci_driver.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod pci_driver;
#[path = "../../../host/vmm/src/registers.rs"]
mod registers;

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portunus_vmm::virtio_mmio::{MMIO_BYTES, VirtioMmio};
use portunus_vmm::virtio_pci::VirtioPci;

use fake_device::{LINE, QUEUES, Seen};
use fake_wiring::FakeWiring;
use pci::PciRoot;
use pci_driver::PciDriver;

/// Where the functions' BARs are until the guest moves them.
const WINDOW: std::ops::Range<u32> = 0xc000_0000..0xc010_0000;

/// Where the registers in memory are.
const REGISTERS: u64 = 0xf000_0000;

/// The fields of the common configuration that can be written: where, and how
/// wide (VIRTIO 1.2, section 4.1.4.3).
const FIELDS: [(u64, usize); 11] = [
    (0, 4),
    (8, 4),
    (12, 4),
    (16, 2),
    (20, 1),
    (22, 2),
    (24, 2),
    (26, 2),
    (28, 2),
    (32, 8),
    (48, 8),
];

#[derive(Debug, Arbitrary)]
enum Step {
    Ports(u8, Access),
    /// A function's configuration space, or that of a slot that is empty.
    Config(u8, u16, Access),
    ConfigAnywhere(u64, Access),
    /// A function's BAR, wherever it is.
    Bar(bool, u32, Access),
    /// A field in it, as wide as it is.
    Field(bool, u8, u16),
    MemoryAnywhere(u64, Access),
    /// A register in memory, as wide as it is.
    Register(u16, u32),
    RegisterAnywhere(u16, Access),
    /// A driver finds a function, and brings it up.
    BringUp {
        second: bool,
        vectors: bool,
    },
    /// A device used buffers, or a queue of its is broken.
    Tell {
        device: u8,
        queue: u8,
        broken: bool,
    },
    /// The hypervisor has no room from now on, or has it again.
    Refuse(bool),
}

/// What is written, and is then read again as wide.
#[derive(Debug, Arbitrary)]
struct Access {
    bytes: [u8; 8],
    count: u8,
}

impl Access {
    /// Most are as wide as an instruction; repetitions of one come as one access.
    fn written(&self) -> Vec<u8> {
        let few = usize::from(self.count % 10);
        let count = if few == 9 {
            16 * usize::from(self.count)
        } else {
            few
        };
        self.bytes.into_iter().cycle().take(count).collect()
    }

    fn read(&self) -> Vec<u8> {
        vec![0; self.written().len()]
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let mut guest = Guest::new();
    for step in steps {
        guest.perform(&step);
        guest.check();
    }
    guest.end();
});

struct Guest {
    root: PciRoot,
    registers: VirtioMmio,
    /// What the devices saw: the two functions, then the one in memory.
    devices: [Seen; 3],
    wiring: Arc<FakeWiring>,
}

impl Guest {
    fn new() -> Self {
        let wiring = FakeWiring::new();
        let devices: [Seen; 3] = Default::default();
        let [functions @ .., in_memory] = &devices;
        let mut root = PciRoot::new(WINDOW);
        for seen in functions {
            let function = VirtioPci::new(seen.device(), seen.attachment(wiring.clone()));
            root.add(Box::new(function.expect("there are descriptors")))
                .expect("there is room");
        }
        let attachment = in_memory.attachment(wiring.clone());
        Self {
            root,
            registers: VirtioMmio::new(in_memory.device(), REGISTERS, attachment)
                .expect("there is the line"),
            devices,
            wiring,
        }
    }

    fn perform(&mut self, step: &Step) {
        match step {
            Step::Ports(offset, access) => {
                let offset = u64::from(offset % 8);
                self.root.write_ports(offset, &access.written());
                self.root.read_ports(offset, &mut access.read());
            }
            Step::Config(slot, register, access) => {
                self.config(config_offset(slot % 4, register % 0x110), access);
            }
            Step::ConfigAnywhere(offset, access) => self.config(*offset, access),
            Step::Bar(second, offset, access) => {
                let offset = u64::from(offset % 0x2_0008);
                self.in_bar(*second, offset, access);
            }
            Step::Field(second, field, value) => {
                let (offset, bytes) = FIELDS[usize::from(*field) % FIELDS.len()];
                let access = Access {
                    bytes: u64::from(*value).to_le_bytes(),
                    count: bytes as u8,
                };
                self.in_bar(*second, offset, &access);
            }
            Step::MemoryAnywhere(address, access) => self.memory(*address, access),
            Step::Register(offset, value) => {
                let offset = u64::from(offset % 0x120) & !3;
                self.registers.write(offset, &value.to_le_bytes());
                self.registers.read(offset, &mut [0; 4]);
            }
            Step::RegisterAnywhere(offset, access) => {
                let offset = u64::from(*offset) % MMIO_BYTES;
                self.registers.write(offset, &access.written());
                self.registers.read(offset, &mut access.read());
            }
            Step::BringUp { second, vectors } => self.bring_up(*second, *vectors),
            Step::Tell {
                device,
                queue,
                broken,
            } => {
                let state = self.devices[usize::from(device % 3)].state();
                if let Some(queue) = state.started.get(usize::from(*queue)) {
                    match broken {
                        true => queue.broken.notify(),
                        false => queue.used_buffers.notify(),
                    }
                }
            }
            Step::Refuse(refuses) => self.wiring.refuse(*refuses),
        }
    }

    fn config(&mut self, offset: u64, access: &Access) {
        self.root.write_ecam(offset, &access.written());
        self.root.read_ecam(offset, &mut access.read());
    }

    fn memory(&mut self, address: u64, access: &Access) {
        self.root.write_memory(address, &access.written());
        self.root.read_memory(address, &mut access.read());
    }

    /// In a function's BAR, wherever that is.
    fn in_bar(&mut self, second: bool, offset: u64, access: &Access) {
        let mut bar = [0; 4];
        let register = config_offset(slot(second), 0x10);
        self.root.read_ecam(register, &mut bar);
        self.memory(u64::from(u32::from_le_bytes(bar)) + offset, access);
    }

    /// The driver looks after each of its steps, so the function is alone at its
    /// place, and the hypervisor has room.
    fn bring_up(&mut self, second: bool, vectors: bool) {
        self.wiring.refuse(false);
        for (slot, address) in [(1, WINDOW.start), (2, WINDOW.start + 0x8_0000)] {
            let offset = config_offset(slot, 0x10);
            self.root.write_ecam(offset, &address.to_le_bytes());
        }
        let root = std::mem::replace(&mut self.root, PciRoot::new(WINDOW));
        let mut driver = PciDriver::probe(root, slot(second));
        match vectors {
            true => driver.bring_up_with_vectors(),
            false => driver.bring_up(),
        }
        assert_eq!(
            self.devices[usize::from(second)].running().len(),
            usize::from(QUEUES)
        );
        self.root = driver.root;
    }

    fn check(&self) {
        let running: usize = self.devices.iter().map(|seen| seen.running().len()).sum();
        assert!(self.wiring.io_events().len() <= self.devices.len() * usize::from(QUEUES));
        // Each function has its configuration's message besides.
        assert!(self.wiring.connected() <= running + 2);
        assert_eq!(self.wiring.mistakes(), Vec::<String>::new());
        for seen in &self.devices {
            seen.state().faults.clear();
        }
    }

    /// The machine is over.
    fn end(self) {
        drop((self.root, self.registers));
        for seen in &self.devices {
            assert!(seen.running().is_empty());
        }
        assert!(self.wiring.io_events().is_empty());
        assert_eq!(
            (self.wiring.connected(), self.wiring.is_high(LINE)),
            (0, false)
        );
        assert_eq!(self.wiring.mistakes(), Vec::<String>::new());
    }
}

fn slot(second: bool) -> u8 {
    1 + u8::from(second)
}

/// Where a slot's register is in configuration space's memory.
fn config_offset(slot: u8, register: u16) -> u64 {
    (u64::from(slot) << 15) + u64::from(register)
}
