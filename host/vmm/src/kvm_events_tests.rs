//! The wiring on the machine's own `/dev/kvm`. There is no guest: what reached
//! its processor is read from the processor's interrupt controller.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use std::thread;
use std::time::{Duration, Instant};

use kvm_bindings::{KVM_IRQCHIP_IOAPIC, kvm_ioapic_state, kvm_irqchip, kvm_irqchip__bindgen_ty_1};
use kvm_ioctls::{Kvm, VcpuFd};

use super::*;
use crate::fake_device::Seen;
use crate::pci::PciRoot;
use crate::pci_driver::PciDriver;
use crate::virtio_pci::VirtioPci;
use crate::wiring::new_event;

/// Longer than a machine with too much to do takes for a system call.
const DEADLINE: Duration = Duration::from_secs(60);

/// The local interrupt controller's spurious vector register, whose bit 8
/// enables it, and its 256 bits of interrupts that wait (Intel SDM, volume 3,
/// section 11.4.1).
const SPURIOUS: usize = 0xf0;
const WAITING: usize = 0x200;

struct Rig {
    vm: Arc<VmFd>,
    processor: VcpuFd,
    events: Arc<KvmEvents>,
}

impl Rig {
    fn new() -> Self {
        let vm = Kvm::new()
            .and_then(|kvm| kvm.create_vm())
            .expect("this test needs /dev/kvm, and permission to use it");
        vm.create_irq_chip().expect("an irqchip");
        let processor = vm.create_vcpu(0).expect("a processor");
        let mut lapic = processor.get_lapic().unwrap();
        let register = [0xff, 0x01, 0, 0];
        for (place, byte) in lapic.regs[SPURIOUS..].iter_mut().zip(register) {
            *place = i8::from_ne_bytes([byte]);
        }
        processor.set_lapic(&lapic).unwrap();
        let vm = Arc::new(vm);
        Self {
            events: Arc::new(KvmEvents::new(vm.clone())),
            vm,
            processor,
        }
    }

    /// A device on a bus, brought up.
    fn driven_device(&self) -> (PciDriver, Seen) {
        let seen = Seen::default();
        let device = VirtioPci::new(seen.device(), seen.attachment(self.events.clone())).unwrap();
        let mut root = PciRoot::new(0xc000_0000..0xd000_0000);
        root.add(Box::new(device)).unwrap();
        let mut driver = PciDriver::probe(root, 1);
        driver.bring_up_with_vectors();
        (driver, seen)
    }

    fn is_waiting(&self, vector: usize) -> bool {
        let lapic = self.processor.get_lapic().unwrap();
        let register = lapic.regs[WAITING + vector / 32 * 16 + vector % 32 / 8];
        register & 1_i8.rotate_left(u32::try_from(vector % 8).unwrap()) != 0
    }

    /// KVM may deliver on a thread of its own.
    fn wait_for(&self, vector: usize) {
        let start = Instant::now();
        while !self.is_waiting(vector) {
            assert!(
                start.elapsed() < DEADLINE,
                "vector {vector:#x} did not come"
            );
            thread::yield_now();
        }
    }
}

fn message(vector: u32) -> MsiMessage {
    MsiMessage {
        address: 0xfee0_0000,
        data: vector,
    }
}

fn event() -> EventFd {
    new_event().unwrap()
}

#[test]
fn a_signal_is_an_interrupt() {
    let rig = Rig::new();
    let events = [event(), event()];
    for (event, vector) in events.iter().zip([0x41, 0x42]) {
        rig.events.connect_message(message(vector), event).unwrap();
    }
    events[1].write(1).unwrap();
    rig.wait_for(0x42);
    assert!(!rig.is_waiting(0x41));
    events[0].write(1).unwrap();
    rig.wait_for(0x41);
}

#[test]
fn a_signal_that_was_there_before_is_an_interrupt_too() {
    let rig = Rig::new();
    let event = event();
    event.write(1).unwrap();
    rig.events.connect_message(message(0x51), &event).unwrap();
    rig.wait_for(0x51);
}

#[test]
fn a_disconnected_signal_stays_where_it_is() {
    let rig = Rig::new();
    let event = event();
    let gsi = rig.events.connect_message(message(0x61), &event).unwrap();
    rig.events.disconnect_message(gsi, &event).unwrap();
    event.write(1).unwrap();
    assert_eq!(event.read().unwrap(), 1);
    assert!(!rig.is_waiting(0x61));
    assert_eq!(
        rig.events.connect_message(message(0x62), &event).unwrap(),
        gsi
    );
    event.write(1).unwrap();
    rig.wait_for(0x62);
    assert!(!rig.is_waiting(0x61));
}

#[test]
fn the_last_message_of_a_full_table_is_as_good_as_the_first() {
    let rig = Rig::new();
    let [first, last, one_more] = [event(), event(), event()];
    rig.events.connect_message(message(0x71), &first).unwrap();
    // Routes alone: that many eventfds are more than a program may have.
    let full = rig
        .events
        .with_routes(|routes| std::iter::from_fn(|| routes.add(message(0x72))).last());
    rig.events
        .with_routes(|routes| routes.remove(full.unwrap()));
    let gsi = rig.events.connect_message(message(0x73), &last).unwrap();
    assert_eq!(Some(gsi), full);
    assert!(
        rig.events
            .connect_message(message(0x74), &one_more)
            .is_err()
    );
    last.write(1).unwrap();
    rig.wait_for(0x73);
    first.write(1).unwrap();
    rig.wait_for(0x71);
}

#[test]
fn an_event_that_kvm_knows_is_not_connected_twice_and_leaves_no_route() {
    let rig = Rig::new();
    let event = event();
    let gsi = rig.events.connect_message(message(0x71), &event).unwrap();
    assert!(rig.events.connect_message(message(0x72), &event).is_err());
    rig.events.disconnect_message(gsi, &event).unwrap();
    assert_eq!(
        rig.events.connect_message(message(0x72), &event).unwrap(),
        gsi
    );
}

#[test]
fn a_place_takes_one_event_of_a_kind() {
    let rig = Rig::new();
    let [first, second] = [event(), event()];
    let at = |address, value| IoEvent { address, value };
    let any = at(0xd000_0000, None);
    rig.events.add_io_event(any, &first).unwrap();
    assert!(rig.events.add_io_event(any, &second).is_err());
    for value in 0..2 {
        let register = at(0xd000_1000, Some(value));
        rig.events.add_io_event(register, &first).unwrap();
        rig.events.remove_io_event(register, &first).unwrap();
        assert!(rig.events.remove_io_event(register, &first).is_err());
    }
    rig.events.remove_io_event(any, &first).unwrap();
    rig.events.add_io_event(any, &second).unwrap();
}

#[test]
fn pins_work_whatever_messages_there_are() {
    let rig = Rig::new();
    rig.events.connect_message(message(0x41), &event()).unwrap();
    // Pin 20 sends vector 0x81 at an edge.
    let mut ioapic = kvm_ioapic_state {
        base_address: 0xfec0_0000,
        ..Default::default()
    };
    ioapic.redirtbl[20].bits = 0x81;
    let chip = kvm_irqchip {
        chip_id: KVM_IRQCHIP_IOAPIC,
        chip: kvm_irqchip__bindgen_ty_1 { ioapic },
        ..Default::default()
    };
    rig.vm.set_irqchip(&chip).unwrap();
    rig.events.set_line(Gsi(20), true).unwrap();
    rig.wait_for(0x81);
    assert!(rig.events.set_line(Gsi(24), true).is_err());
}

#[test]
fn a_devices_interrupts_reach_the_processor_as_its_driver_masks_them() {
    let rig = Rig::new();
    let (mut driver, seen) = rig.driven_device();
    seen.use_buffers(0);
    rig.wait_for(0x41);
    driver.mask(2, true);
    seen.use_buffers(1);
    assert_eq!(driver.read(driver.pending), [1 << 2]);
    assert!(!rig.is_waiting(0x42));
    driver.mask(2, false);
    rig.wait_for(0x42);
    assert!(seen.state().faults.is_empty());
}

#[test]
fn a_device_that_was_moved_about_leaves_nothing_with_kvm() {
    let rig = Rig::new();
    let (mut driver, _seen) = rig.driven_device();
    let mut places = Vec::new();
    for bar in (0xc000_0000_u32..0xc100_0000).step_by(0x10_0000) {
        driver.write_config(0x10, &bar.to_le_bytes());
        driver.enable_msix(true, bar % 0x20_0000 == 0);
        places.push(u64::from(bar) + 0x1_0000);
    }
    drop(driver);
    for address in places {
        let at = IoEvent {
            address,
            value: None,
        };
        rig.events.add_io_event(at, &event()).unwrap();
    }
    assert_eq!(
        rig.events.with_routes(|routes| routes.add(message(0))),
        Some(Gsi(24))
    );
}
