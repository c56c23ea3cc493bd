//! What CPUID tells a guest's processor: what KVM offers of the host's, with the
//! guest's own number and number of processors in it. All of a guest's
//! processors are cores of one package, without hyper-threads.
//!
//! Sources: Intel's Software Developer's Manual, volume 2, CPUID; AMD64
//! Architecture Programmer's Manual, volume 3, appendix E.4.

use kvm_bindings::{CpuId, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, kvm_cpuid_entry2};

use crate::spec::CpuCount;

/// Leaf 1, ECX: the TSC deadline timer.
const DEADLINE_TIMER: u32 = 1 << 24;

/// Leaf 1, ECX: a hypervisor is there, with leaves of its own from
/// 0x4000_0000 on. Theirs are as KVM has them: kvmclock among them.
const HYPERVISOR: u32 = 1 << 31;

/// Leaf 1, EDX: the number of processors in leaf 1 means something.
const MULTI_PROCESSOR: u32 = 1 << 28;

/// Leaf 0x8000_0001, ECX: that number is of cores, not of hyper-threads (AMD).
const CORES_ONLY: u32 = 1 << 1;

/// Levels of topology, as leaf 0xb names them.
const LEVEL_THREAD: u32 = 1;
const LEVEL_CORE: u32 = 2;

/// The leaves that say how processors are grouped, and are written anew.
const TOPOLOGY_LEAVES: [u32; 2] = [0xb, 0x1f];

/// Leaves that say which processors share what: a guest of ours has none of the
/// host's groups.
const HOST_LEAVES: [u32; 2] = [0x8000_001e, 0x8000_0026];

/// CPUID of processor `index` among `cpus`, from what KVM `offers`. `None` where
/// that has more entries than KVM takes.
pub(super) fn for_cpu(
    offers: &CpuId,
    index: u8,
    cpus: CpuCount,
    deadline_timer: bool,
) -> Option<CpuId> {
    let mut entries: Vec<kvm_cpuid_entry2> = offers
        .as_slice()
        .iter()
        .filter(|entry| !TOPOLOGY_LEAVES.contains(&entry.function))
        .copied()
        .collect();
    for entry in &mut entries {
        adapt(entry, index, cpus, deadline_timer);
    }
    entries.extend(topology(index, cpus));
    CpuId::from_entries(&entries).ok()
}

/// How many bits a physical address has.
pub(crate) fn address_bits(offers: &CpuId) -> u8 {
    let leaf = offers
        .as_slice()
        .iter()
        .find(|entry| entry.function == 0x8000_0008);
    let [bits, ..] = leaf.map_or(0, |entry| entry.eax).to_le_bytes();
    // What a processor without the leaf has.
    if bits == 0 { 36 } else { bits }
}

fn adapt(entry: &mut kvm_cpuid_entry2, index: u8, cpus: CpuCount, deadline_timer: bool) {
    let (index, count) = (u32::from(index), u32::from(cpus.get()));
    // As the fields count them: one means none further.
    let others = count.saturating_sub(1);
    match entry.function {
        0x1 => {
            // EBX: the APIC's number, the number of processors, and what was there.
            entry.ebx = index << 24 | count << 16 | entry.ebx & 0xffff;
            entry.ecx |= HYPERVISOR;
            set(&mut entry.ecx, DEADLINE_TIMER, deadline_timer);
            set(&mut entry.edx, MULTI_PROCESSOR, count > 1);
        }
        // Intel's caches, one at a time: EAX has the type, how many processors
        // share it, and how many cores there are. Those of a core are its own, and
        // the last one is everybody's.
        0x4 if entry.eax & 0x1f != 0 => {
            let last_level = entry.eax >> 5 & 7 >= 3;
            let sharing = if last_level { others } else { 0 };
            entry.eax = entry.eax & 0x3fff | sharing << 14 | others << 26;
        }
        // AMD's caches: the same, without the cores.
        0x8000_001d if entry.eax & 0x1f != 0 => {
            let last_level = entry.eax >> 5 & 7 >= 3;
            let sharing = if last_level { others } else { 0 };
            entry.eax = entry.eax & 0x3fff | sharing << 14;
        }
        0x8000_0001 if entry.ecx & CORES_ONLY != 0 || count > 1 => {
            // Intel has no such bit, and no signature here.
            let amd = entry.eax != 0;
            set(&mut entry.ecx, CORES_ONLY, amd && count > 1);
        }
        // AMD's cores: how many, and how many bits of an APIC's number they take.
        0x8000_0008 => {
            entry.ecx = entry.ecx & !0xf0ff | core_bits(cpus) << 12 | others;
        }
        leaf if HOST_LEAVES.contains(&leaf) => {
            // AMD's core: the APIC's number, and the core's, of one thread.
            (entry.eax, entry.ebx, entry.ecx, entry.edx) = match leaf {
                0x8000_001e => (index, index, 0, 0),
                _ => (0, 0, 0, 0),
            };
        }
        _ => {}
    }
}

/// Leaf 0xb: one thread to a core, and all cores in one package.
fn topology(index: u8, cpus: CpuCount) -> [kvm_cpuid_entry2; 3] {
    let level = |number: u32, kind: u32, shift: u32, count: u32| kvm_cpuid_entry2 {
        function: 0xb,
        index: number,
        flags: KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
        eax: shift,
        ebx: count,
        ecx: kind << 8 | number,
        edx: index.into(),
        ..kvm_cpuid_entry2::default()
    };
    [
        level(0, LEVEL_THREAD, 0, 1),
        level(1, LEVEL_CORE, core_bits(cpus), cpus.get().into()),
        level(2, 0, 0, 0),
    ]
}

/// How many bits number the cores.
fn core_bits(cpus: CpuCount) -> u32 {
    cpus.get().next_power_of_two().trailing_zeros()
}

fn set(register: &mut u32, bits: u32, on: bool) {
    if on {
        *register |= bits;
    } else {
        *register &= !bits;
    }
}

#[cfg(test)]
#[path = "cpuid_tests.rs"]
mod tests;
