//! Every way in which a chain can be malformed, and some in which it is not.

use proptest::prelude::*;
use vm_memory::GuestAddressSpace;

use super::*;
use crate::fake_driver::{Backing, DriverRing, GuestRam, RawDescriptor};

const SIZE: u16 = 8;
const NEXT: u16 = RawDescriptor::NEXT;
const WRITE: u16 = RawDescriptor::WRITE;
const INDIRECT: u16 = RawDescriptor::INDIRECT;

/// Where the memory ends: a page of it from `PAGE` on, and the rings before.
const PAGE: u64 = 0x8000;
const END: u64 = 0x9000;
/// Where tests put an indirect table.
const TABLE: u64 = 0x7000;

struct Rig {
    ram: GuestRam,
    driver: DriverRing,
}

impl Rig {
    fn new() -> Self {
        let pieces = [(GuestAddress(0x1000), 0x8000)];
        let mut ram = GuestRam::with_regions(&pieces, Backing::Anonymous).expect("memory");
        let driver = DriverRing::new(&mut ram, SIZE, false).expect("a ring");
        Self { ram, driver }
    }

    fn with_descriptors(descriptors: &[(u64, u32, u16, u16)]) -> Self {
        let rig = Self::new();
        for (index, descriptor) in (0..).zip(descriptors) {
            let written = rig.driver.write_descriptor(index, raw(*descriptor));
            written.expect("in the table");
        }
        rig
    }

    fn indirect(self, descriptors: &[(u64, u32, u16, u16)]) -> Self {
        for (index, descriptor) in (0..).zip(descriptors) {
            let written = self
                .driver
                .write_table(GuestAddress(TABLE), index, raw(*descriptor));
            written.expect("in memory");
        }
        self
    }

    fn walk(&self, head: u16, wanted: Direction) -> Result<Vec<(u64, u32)>, ChainFault> {
        let table = Table {
            address: self.driver.spec().descriptors,
            length: u32::from(SIZE),
        };
        let mut segments = Vec::new();
        walk(
            &self.ram.memory().memory(),
            table,
            head,
            wanted,
            &mut segments,
        )?;
        Ok(segments.iter().map(|s| (s.address.0, s.length)).collect())
    }

    fn fault(&self) -> ChainFault {
        let walked = self.walk(0, Direction::Readable);
        walked.expect_err("a malformed chain")
    }
}

fn raw((address, length, flags, next): (u64, u32, u16, u16)) -> RawDescriptor {
    RawDescriptor {
        address,
        length,
        flags,
        next,
    }
}

#[test]
fn a_chain_gives_the_buffers_of_each_direction() {
    let rig = Rig::with_descriptors(&[
        (PAGE, 1, NEXT, 3),
        (0, 0, 0, 0),
        (PAGE + 2, 3, WRITE, 0),
        (PAGE + 1, 2, NEXT, 2),
    ]);
    let readable = rig.walk(0, Direction::Readable);
    assert_eq!(readable, Ok(vec![(PAGE, 1), (PAGE + 1, 2)]));
    let writable = rig.walk(0, Direction::Writable);
    assert_eq!(writable, Ok(vec![(PAGE + 2, 3)]));
}

#[test]
fn empty_buffers_are_left_out_wherever_they_point() {
    let rig = Rig::with_descriptors(&[(u64::MAX, 0, NEXT, 1), (PAGE, 1, NEXT, 2), (0, 0, 0, 0)]);
    assert_eq!(rig.walk(0, Direction::Readable), Ok(vec![(PAGE, 1)]));
    assert_eq!(rig.walk(2, Direction::Readable), Ok(vec![]));
}

#[test]
fn a_chain_may_end_in_an_indirect_table() {
    // The specification lets a table follow other descriptors, and says nothing
    // of a table's own WRITE flag.
    let rig = Rig::with_descriptors(&[(PAGE, 1, NEXT, 1), (TABLE, 48, INDIRECT | WRITE, 0)])
        .indirect(&[(PAGE, 2, NEXT, 2), (0, 0, 0, 0), (PAGE, 3, 0, 0)]);
    let readable = rig.walk(0, Direction::Readable);
    assert_eq!(readable, Ok(vec![(PAGE, 1), (PAGE, 2), (PAGE, 3)]));
}

#[test]
fn a_ring_wide_chain_is_no_loop() {
    let mut descriptors = vec![(PAGE, 1, NEXT, 0); usize::from(SIZE)];
    for (index, descriptor) in (1..).zip(&mut descriptors) {
        descriptor.3 = index;
    }
    descriptors[7].2 = 0;
    let rig = Rig::with_descriptors(&descriptors);
    let walked = rig.walk(0, Direction::Readable).expect("a good chain");
    assert_eq!(walked.len(), usize::from(SIZE));
}

#[test]
fn numbers_past_a_table_are_named() {
    let past = |index, length| ChainFault::IndexPastTable { index, length };
    let rig = Rig::with_descriptors(&[(PAGE, 1, NEXT, SIZE)]);
    assert_eq!(rig.fault(), past(SIZE, 8));
    let head = rig.walk(u16::MAX, Direction::Readable);
    assert_eq!(head, Err(past(u16::MAX, 8)));

    let rig = Rig::with_descriptors(&[(TABLE, 32, INDIRECT, 0)]).indirect(&[(PAGE, 1, NEXT, 2)]);
    assert_eq!(rig.fault(), past(2, 2));
}

#[test]
fn loops_are_named() {
    let itself = Rig::with_descriptors(&[(PAGE, 1, NEXT, 0)]);
    assert_eq!(itself.fault(), ChainFault::Looped);

    let two = Rig::with_descriptors(&[(PAGE, 0, NEXT, 1), (PAGE, 0, NEXT, 0)]);
    assert_eq!(two.fault(), ChainFault::Looped);

    let indirect = Rig::with_descriptors(&[(TABLE, 32, INDIRECT, 0)])
        .indirect(&[(PAGE, 1, NEXT, 1), (PAGE, 1, NEXT, 0)]);
    assert_eq!(indirect.fault(), ChainFault::Looped);
}

#[test]
fn misused_indirect_tables_are_named() {
    let nested =
        Rig::with_descriptors(&[(TABLE, 16, INDIRECT, 0)]).indirect(&[(TABLE, 16, INDIRECT, 0)]);
    assert_eq!(nested.fault(), ChainFault::NestedIndirect);

    let continued = Rig::with_descriptors(&[(TABLE, 16, INDIRECT | NEXT, 1), (PAGE, 1, 0, 0)]);
    assert_eq!(continued.fault(), ChainFault::IndirectWithNext);

    for length in [0, 1, 15, 17, u32::MAX] {
        let rig = Rig::with_descriptors(&[(TABLE, length, INDIRECT, 0)]);
        assert_eq!(rig.fault(), ChainFault::IndirectTableLength { length });
    }

    let address = END;
    let nowhere = Rig::with_descriptors(&[(address, 16, INDIRECT, 0)]);
    assert_eq!(nowhere.fault(), ChainFault::TableOutsideMemory { address });
    let address = u64::MAX;
    let nowhere = Rig::with_descriptors(&[(address, 16, INDIRECT, 0)]);
    assert_eq!(nowhere.fault(), ChainFault::TableOutsideMemory { address });
}

#[test]
fn buffers_outside_of_memory_are_named() {
    for (address, length) in [
        (END, 1),
        (END - 1, 2),
        (0, 1),
        (PAGE, u32::MAX),
        (u64::MAX, 2),
    ] {
        for flags in [0, WRITE] {
            let rig = Rig::with_descriptors(&[(address, length, flags, 0)]);
            let fault = ChainFault::BufferOutsideMemory { address, length };
            assert_eq!(rig.fault(), fault);
        }
    }
}

#[test]
fn a_readable_buffer_after_a_writable_one_is_named() {
    let rig = Rig::with_descriptors(&[(PAGE, 1, WRITE | NEXT, 1), (PAGE, 1, 0, 0)]);
    assert_eq!(rig.fault(), ChainFault::ReadableAfterWritable);
}

#[test]
fn a_chain_of_too_many_descriptors_is_named() {
    let mut ram = GuestRam::new(0x10_0000, Backing::Anonymous).expect("memory");
    let driver = DriverRing::new(&mut ram, 2048, false).expect("a ring");
    let table = Table {
        address: driver.spec().descriptors,
        length: 2048,
    };
    for index in 0..2047 {
        let descriptor = raw((PAGE, 1, NEXT, index + 1));
        driver
            .write_descriptor(index, descriptor)
            .expect("in the table");
    }
    let limit = u16::try_from(MAX_CHAIN_DESCRIPTORS).expect("small");
    let memory = ram.memory();
    let mut segments = Vec::new();
    let mut walk = || {
        walk(
            &memory.memory(),
            table,
            0,
            Direction::Readable,
            &mut segments,
        )
    };
    assert_eq!(walk(), Err(ChainFault::TooManyDescriptors));
    let last = raw((PAGE, 1, 0, 0));
    driver
        .write_descriptor(limit - 1, last)
        .expect("in the table");
    assert_eq!(walk(), Ok(()));
    let far = raw((PAGE, 1, NEXT, limit));
    driver
        .write_descriptor(limit - 1, far)
        .expect("in the table");
    driver.write_descriptor(limit, last).expect("in the table");
    assert_eq!(walk(), Err(ChainFault::TooManyDescriptors));
}

#[test]
fn a_chain_of_four_gibibytes_is_too_long() {
    // The same big buffer, again and again: memory is never touched.
    let bytes: usize = 1 << 30;
    let pieces = [(GuestAddress(0), bytes)];
    let ram = GuestRam::with_regions(&pieces, Backing::Anonymous).expect("memory");
    let memory = ram.memory().memory();
    for (index, next) in [(0u64, 1u16), (1, 2), (2, 3), (3, 4)] {
        let flags = if next == 4 { 0 } else { NEXT };
        let descriptor = Descriptor::new(0, 1 << 30, flags, next);
        memory
            .write_obj(descriptor, GuestAddress(index * 16))
            .expect("in memory");
    }
    let table = Table {
        address: GuestAddress(0),
        length: 4,
    };
    let mut segments = Vec::new();
    let fault = walk(&memory, table, 0, Direction::Readable, &mut segments);
    assert_eq!(fault, Err(ChainFault::TooLong));
    assert_eq!(
        walk(&memory, table, 1, Direction::Readable, &mut segments),
        Ok(())
    );
}

fn any_descriptor() -> impl Strategy<Value = (u64, u32, u16, u16)> {
    let address = prop_oneof![
        6 => PAGE..END,
        1 => Just(TABLE),
        1 => 0x1000..END + 0x100,
        1 => any::<u64>(),
    ];
    let length = prop_oneof![4 => 0u32..0x100, 2 => (0u32..10).prop_map(|n| n.saturating_mul(16)), 1 => any::<u32>()];
    (address, length, 0u16..8, 0u16..SIZE + 1)
}

proptest! {
    #[test]
    fn any_tables_at_all_give_good_buffers_or_a_fault(
        ring in proptest::collection::vec(any_descriptor(), 8),
        indirect in proptest::collection::vec(any_descriptor(), 8),
        head in 0..SIZE + 2,
    ) {
        let rig = Rig::with_descriptors(&ring).indirect(&indirect);
        for wanted in [Direction::Readable, Direction::Writable] {
            if let Ok(segments) = rig.walk(head, wanted) {
                prop_assert!(segments.len() <= 16);
                for (address, length) in segments {
                    prop_assert!(length > 0);
                    prop_assert!((0x1000..END).contains(&address));
                    prop_assert!(u64::from(length) <= END.wrapping_sub(address));
                }
            }
        }
    }
}
