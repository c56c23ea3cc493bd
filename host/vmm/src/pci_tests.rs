//! A guest's way to configuration space and memory.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;

const WINDOW: Range<u32> = 0xc000_0000..0xd000_0000;

/// What was done to a function: what, where, and with which bytes.
#[derive(Clone, Default)]
struct Touched(Arc<Mutex<Vec<Touch>>>);

type Touch = (String, u32, Vec<u8>);

impl Touched {
    fn add(&self, what: &str, place: u32, bytes: &[u8]) {
        let touch = (what.to_owned(), place, bytes.to_vec());
        self.0.lock().unwrap().push(touch);
    }

    fn take(&self) -> Vec<Touch> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct FakeFunction {
    bytes: u32,
    place: u32,
    touched: Touched,
}

impl FakeFunction {
    fn new(bytes: u32, touched: Touched) -> Self {
        let place = 0;
        Self {
            bytes,
            place,
            touched,
        }
    }

    fn has(&self, address: u64) -> bool {
        let place = u64::from(self.place);
        (place..place + u64::from(self.bytes)).contains(&address)
    }
}

impl PciFunction for FakeFunction {
    fn memory_bytes(&self) -> u32 {
        self.bytes
    }

    fn place(&mut self, address: u32) {
        self.place = address;
        self.touched.add("placed", address, &[]);
    }

    fn read_config(&mut self, _offset: u16, into: &mut [u8]) {
        into.fill(0);
    }

    fn write_config(&mut self, offset: u16, bytes: &[u8]) {
        self.touched.add("config", u32::from(offset), bytes);
    }

    fn read_memory(&mut self, address: u64, into: &mut [u8]) -> bool {
        let ours = self.has(address);
        if ours {
            into.fill(0);
        }
        ours
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> bool {
        let ours = self.has(address);
        if ours {
            self.touched
                .add("memory", u32::try_from(address).unwrap(), bytes);
        }
        ours
    }

    fn reset(&mut self) {
        self.touched.add("reset", 0, &[]);
    }
}

fn rig() -> (PciRoot, Touched) {
    let mut root = PciRoot::new(WINDOW);
    let touched = Touched::default();
    let function = FakeFunction::new(0x1000, touched.clone());
    assert_eq!(root.add(Box::new(function)), Ok(1));
    touched.take();
    (root, touched)
}

fn read_ports(root: &mut PciRoot, offset: u64, bytes: usize) -> Vec<u8> {
    let mut into = vec![0; bytes];
    root.read_ports(offset, &mut into);
    into
}

fn select(root: &mut PciRoot, address: u32) {
    root.write_ports(0, &address.to_le_bytes());
}

#[test]
fn a_guest_finds_the_bus_as_linux_looks_for_it() {
    let (mut root, _) = rig();
    root.write_ports(3, &[1]);
    select(&mut root, 0x8000_0000);
    assert_eq!(read_ports(&mut root, 0, 4), 0x8000_0000_u32.to_le_bytes());
    assert_eq!(read_ports(&mut root, 4, 4), 0x0008_1b36_u32.to_le_bytes());
    select(&mut root, 0x8000_0008);
    assert_eq!(read_ports(&mut root, 6, 2), [0x00, 0x06]);
}

#[test]
fn the_address_is_written_as_a_whole_or_not() {
    let (mut root, _) = rig();
    select(&mut root, 0xffff_ffff);
    assert_eq!(read_ports(&mut root, 0, 4), 0x80ff_fffc_u32.to_le_bytes());
    for (offset, bytes) in [(0, 1), (0, 2), (0, 3), (0, 8), (1, 4), (2, 2), (3, 1)] {
        root.write_ports(offset, &vec![0; bytes]);
        let nothing = vec![NOTHING; bytes];
        assert_eq!(
            read_ports(&mut root, offset, bytes),
            nothing,
            "{bytes} at {offset}"
        );
    }
    assert_eq!(read_ports(&mut root, 0, 4), 0x80ff_fffc_u32.to_le_bytes());
}

#[test]
fn where_no_function_is_all_is_ones_and_writes_are_nothing() {
    let (mut root, touched) = rig();
    // Not enabled; another bus, device, function.
    for address in [
        0x0000_0800,
        0x8001_0800,
        0x8000_1000,
        0x8000_0900,
        0x8000_f800,
    ] {
        select(&mut root, address);
        assert_eq!(read_ports(&mut root, 4, 4), [NOTHING; 4], "{address:#x}");
        root.write_ports(4, &[0; 4]);
    }
    for offset in [0x9000, 0x1_0000, 0xf_8000, ECAM_BYTES, u64::MAX] {
        let mut into = [0; 4];
        root.read_ecam(offset, &mut into);
        assert_eq!(into, [NOTHING; 4], "{offset:#x}");
        root.write_ecam(offset, &[0; 4]);
    }
    assert!(touched.take().is_empty());
}

#[test]
fn ports_and_memory_lead_to_the_same_registers() {
    let (mut root, touched) = rig();
    select(&mut root, 0x8000_0840);
    root.write_ports(5, &[1, 2]);
    root.write_ecam(0x8041, &[1, 2]);
    root.write_ecam(0x8fff, &[3]);
    let same = ("config".to_owned(), 0x41, vec![1, 2]);
    let last = ("config".to_owned(), 0xfff, vec![3]);
    assert_eq!(touched.take(), [same.clone(), same, last]);
}

#[test]
fn functions_are_placed_one_after_the_other_and_aligned() {
    let mut root = PciRoot::new(0xc000_1000..0xc001_0000);
    let touched = Touched::default();
    for bytes in [0x1000, 0x4000, 0, 0x8000] {
        let function = FakeFunction::new(bytes, touched.clone());
        assert!(root.add(Box::new(function)).is_ok());
    }
    let places: Vec<_> = touched
        .take()
        .into_iter()
        .map(|(_, place, _)| place)
        .collect();
    assert_eq!(places, [0xc000_1000, 0xc000_4000, 0xc000_8000]);
    let function = FakeFunction::new(0x1000, touched.clone());
    let bytes = 0x1000;
    assert_eq!(root.add(Box::new(function)), Err(PciFull::Memory { bytes }));
}

#[test]
fn a_bus_has_31_devices_beside_its_bridge() {
    let mut root = PciRoot::new(WINDOW);
    for number in 1..32 {
        let function = FakeFunction::new(0, Touched::default());
        assert_eq!(root.add(Box::new(function)), Ok(number));
    }
    let function = FakeFunction::new(0, Touched::default());
    assert_eq!(root.add(Box::new(function)), Err(PciFull::Devices));
}

#[test]
fn memory_that_is_no_functions_is_nobodys() {
    let (mut root, touched) = rig();
    let mut into = [0; 4];
    assert!(!root.read_memory(0xc000_1000, &mut into));
    assert_eq!(into, [NOTHING; 4]);
    assert!(!root.write_memory(0xbfff_ffff, &[0]));
    assert!(root.write_memory(0xc000_0ffc, &[7]));
    assert_eq!(
        touched.take(),
        [("memory".to_owned(), 0xc000_0ffc, vec![7])]
    );
}

#[test]
fn a_reset_reaches_each_function() {
    let (mut root, touched) = rig();
    select(&mut root, 0x8000_0800);
    root.reset();
    assert_eq!(read_ports(&mut root, 0, 4), [0; 4]);
    assert_eq!(touched.take(), [("reset".to_owned(), 0, vec![])]);
}

proptest! {
    #[test]
    fn any_access_leads_somewhere_or_nowhere(
        steps in prop::collection::vec((0..8_u64, any::<u64>(), prop::collection::vec(any::<u8>(), 1..9)), 0..40)
    ) {
        let (mut root, _) = rig();
        for (offset, wide, bytes) in steps {
            let mut into = vec![0; bytes.len()];
            root.write_ports(offset, &bytes);
            root.read_ports(offset, &mut into);
            root.write_ecam(wide % (2 * ECAM_BYTES), &bytes);
            root.read_ecam(wide % (2 * ECAM_BYTES), &mut into);
            root.read_ecam(wide, &mut into);
            prop_assert_eq!(root.write_memory(wide, &bytes), root.read_memory(wide, &mut into));
            prop_assert_eq!(root.address & !ADDRESS_BITS, 0);
        }
    }
}
