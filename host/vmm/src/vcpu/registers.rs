//! How the first processor's registers stand when it begins (Linux's boot
//! protocol, "64-bit boot protocol"; Xen's PVH boot protocol).

use kvm_bindings::{Msrs, kvm_msr_entry, kvm_regs, kvm_segment, kvm_sregs};
use vm_memory::{Bytes, GuestAddress, GuestMemoryError, GuestMemoryMmap};

use crate::boot::Entry;
use crate::layout::{GDT_ADDRESS, PAGE_TABLES_ADDRESS, STACK_ADDRESS};

/// Reserved, and always one.
const RFLAGS: u64 = 2;

/// Protection on.
const CR0_PROTECTED: u64 = 1;
/// Paging on.
const CR0_PAGING: u64 = 1 << 31;
/// Entries of page tables have 64 bits.
const CR4_PAE: u64 = 1 << 5;
/// 64-bit mode switched on, and active.
const EFER_LONG: u64 = 1 << 8 | 1 << 10;

/// `IA32_MISC_ENABLE`, and its bit for fast string instructions: Linux warns
/// without it.
const MSR_MISC_ENABLE: u32 = 0x1a0;
const FAST_STRINGS: u64 = 1;

/// `IA32_MTRR_DEF_TYPE`: memory is cached, write-back, where nothing else is said.
/// Firmware would do this; without it Linux maps all memory uncached.
const MSR_MTRR_DEF_TYPE: u32 = 0x2ff;
const MTRR_WRITE_BACK: u64 = 1 << 11 | 6;

/// A segment of all 4 GiB, as a descriptor has it: 4 KiB granularity.
const CODE_32: u64 = 0x00cf_9b00_0000_ffff;
const CODE_64: u64 = 0x00af_9b00_0000_ffff;
const DATA: u64 = 0x00cf_9300_0000_ffff;
/// A task state of the least size, busy.
const TASK: u64 = 0x0000_8b00_0000_0067;

/// Linux asks for these two numbers.
const CODE_SELECTOR: u16 = 0x10;
const DATA_SELECTOR: u16 = 0x18;
const TASK_SELECTOR: u16 = 0x20;

/// The descriptor table that goes with `entry`.
fn descriptors(entry: Entry) -> [u64; 5] {
    let code = match entry {
        Entry::Long { .. } => CODE_64,
        Entry::Pvh { .. } => CODE_32,
    };
    [0, 0, code, DATA, TASK]
}

/// Writes the descriptor table.
pub(super) fn write_descriptors(
    entry: Entry,
    memory: &GuestMemoryMmap,
) -> Result<(), GuestMemoryError> {
    let bytes: Vec<u8> = descriptors(entry)
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect();
    memory.write_slice(&bytes, GuestAddress(GDT_ADDRESS))
}

/// The general registers.
pub(super) fn general(entry: Entry) -> kvm_regs {
    let mut registers = kvm_regs {
        rflags: RFLAGS,
        rsp: STACK_ADDRESS,
        rbp: STACK_ADDRESS,
        ..kvm_regs::default()
    };
    match entry {
        Entry::Long {
            address,
            boot_params,
        } => (registers.rip, registers.rsi) = (address, boot_params),
        Entry::Pvh {
            address,
            start_info,
        } => (registers.rip, registers.rbx) = (address, start_info),
    }
    registers
}

/// The special registers, from what KVM made of them.
pub(super) fn special(entry: Entry, reset: kvm_sregs) -> kvm_sregs {
    let [_, _, code, data, task] = descriptors(entry);
    let data = segment(DATA_SELECTOR, data);
    let mut registers = kvm_sregs {
        cs: segment(CODE_SELECTOR, code),
        ds: data,
        es: data,
        fs: data,
        gs: data,
        ss: data,
        tr: segment(TASK_SELECTOR, task),
        ..reset
    };
    registers.gdt.base = GDT_ADDRESS;
    registers.gdt.limit = 5 * 8 - 1;
    registers.cr0 |= CR0_PROTECTED;
    if let Entry::Long { .. } = entry {
        registers.cr0 |= CR0_PAGING;
        registers.cr3 = PAGE_TABLES_ADDRESS;
        registers.cr4 |= CR4_PAE;
        registers.efer |= EFER_LONG;
    }
    registers
}

/// The model-specific registers that every processor begins with. `None` cannot
/// be: there are two.
pub(super) fn model_specific() -> Option<Msrs> {
    let entry = |index, data| kvm_msr_entry {
        index,
        data,
        ..kvm_msr_entry::default()
    };
    Msrs::from_entries(&[
        entry(MSR_MISC_ENABLE, FAST_STRINGS),
        entry(MSR_MTRR_DEF_TYPE, MTRR_WRITE_BACK),
    ])
    .ok()
}

/// A descriptor of ours as KVM takes it: base zero, and the bits by themselves
/// (AMD64 Architecture Programmer's Manual, volume 2, 4.7).
fn segment(selector: u16, descriptor: u64) -> kvm_segment {
    let bit = |number: u32| u8::from(descriptor >> number & 1 == 1);
    let pages = bit(55) == 1;
    let [low, high, ..] = descriptor.to_le_bytes();
    let limit = u32::from(u16::from_le_bytes([low, high]));
    kvm_segment {
        selector,
        base: 0,
        limit: if pages { u32::MAX } else { limit },
        type_: u8::try_from(descriptor >> 40 & 0xf).unwrap_or(0),
        s: bit(44),
        dpl: 0,
        present: bit(47),
        l: bit(53),
        db: bit(54),
        g: bit(55),
        avl: 0,
        unusable: 0,
        padding: 0,
    }
}

#[cfg(test)]
#[path = "registers_tests.rs"]
mod tests;
