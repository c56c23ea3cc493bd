//! Where everything stands in the guest's physical address space, and which
//! interrupt and port belongs to whom. One table, read by all others.
//!
//! ```text
//! 0                 boot structures: descriptor table, boot parameters, page
//!                   tables, command line
//! 0x9_fc00          end of conventional memory
//! 0xe_0000          ACPI tables, where a kernel also looks for them by itself
//! 0x10_0000         memory, up to 3 GiB: kernel first, initrd last
//! 0xc000_0000       windows of devices on the bus
//! 0xfec0_0000       IOAPIC, local APICs, and three pages that KVM wants
//! 0x1_0000_0000     memory that is left
//! ```

use std::ops::Range;

use crate::pci::ECAM_BYTES;

/// One page. Memory is given, and initrds are placed, in these.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// A mebibyte.
pub(crate) const MIB: u64 = 1 << 20;

/// Addresses that memory leaves free below 4 GiB, for devices: a whole GiB, as
/// other machines have it. What does not fit below goes above.
pub(crate) const DEVICE_HOLE: Range<u64> = 0xc000_0000..0x1_0000_0000;

/// Addresses for the BARs of PCI functions, which the guest moves about as it
/// likes.
pub(crate) const PCI_WINDOW: Range<u32> = 0xc000_0000..0xe000_0000;

/// PCI's configuration space in memory, of the one bus.
pub(crate) const PCI_CONFIG_WINDOW: Range<u64> = 0xe000_0000..0xe000_0000 + ECAM_BYTES;

/// Registers of virtio-mmio devices, one page behind the other.
pub(crate) const VIRTIO_MMIO_WINDOW: Range<u64> = 0xf000_0000..0xf001_0000;

/// The IOAPIC, which KVM emulates.
pub(crate) const IOAPIC_ADDRESS: u32 = 0xfec0_0000;

/// Each processor's local APIC, which KVM emulates.
pub(crate) const LOCAL_APIC_ADDRESS: u32 = 0xfee0_0000;

/// A page that KVM on Intel needs for a guest in real mode (KVM API,
/// `KVM_SET_IDENTITY_MAP_ADDR`).
pub(crate) const KVM_IDENTITY_MAP_ADDRESS: u64 = 0xfffb_c000;

/// Three pages more of that kind (`KVM_SET_TSS_ADDR`).
pub(crate) const KVM_TSS_ADDRESS: usize = 0xfffb_d000;

/// Segment descriptors of the first processor.
pub(crate) const GDT_ADDRESS: u64 = 0x500;

/// PVH's `hvm_start_info`.
pub(crate) const PVH_START_INFO_ADDRESS: u64 = 0x6000;

/// PVH's list of modules: one, the initrd.
pub(crate) const PVH_MODULES_ADDRESS: u64 = 0x6800;

/// PVH's memory map.
pub(crate) const PVH_MEMORY_MAP_ADDRESS: u64 = 0x6c00;

/// Linux's boot parameters, the "zero page".
pub(crate) const BOOT_PARAMS_ADDRESS: u64 = 0x7000;

/// Page tables that map the first 4 GiB to themselves: six pages.
pub(crate) const PAGE_TABLES_ADDRESS: u64 = 0x9000;

/// The top of the stack that the first processor starts with.
pub(crate) const STACK_ADDRESS: u64 = 0x1_fff0;

/// The kernel's command line.
pub(crate) const COMMAND_LINE_ADDRESS: u64 = 0x2_0000;

/// Where conventional memory ends. A PC keeps its BIOS's data behind it.
pub(crate) const CONVENTIONAL_END: u64 = 0x9_fc00;

/// The ACPI tables: in what a PC calls BIOS memory, where a kernel that was told
/// nothing finds the root pointer by its signature (ACPI 6.5, 5.2.5.1).
pub(crate) const ACPI_TABLES: Range<u64> = 0xe_0000..0x10_0000;

/// Where memory goes on behind the PC's hole; kernels are loaded from here up.
pub(crate) const HIGH_MEMORY: u64 = 0x10_0000;

/// The serial port's eight registers: COM1.
pub(crate) const SERIAL_PORTS: Range<u16> = 0x3f8..0x400;

/// COM1's interrupt.
pub(crate) const SERIAL_IRQ: u32 = 4;

/// The keyboard controller's commands. There is none: all that is left of it is
/// that it resets the machine.
pub(crate) const KEYBOARD_COMMAND_PORT: u16 = 0x64;

/// ACPI's fixed registers, 16 bits each: status, enable, control.
pub(crate) const POWER_PORTS: Range<u16> = 0x600..0x606;

/// ACPI's interrupt: where a PC has it.
pub(crate) const SCI_IRQ: u32 = 9;

/// Interrupt lines for virtio devices, one for each: those that nothing else on a
/// PC has, first of them what a kernel without ACPI reaches as well. All the
/// IOAPIC's 24 pins; so many devices are more than a machine of ours is for.
pub(crate) const DEVICE_LINES: [u32; 11] = [10, 11, 5, 16, 17, 18, 19, 20, 21, 22, 23];

/// The reset control register: one byte amid PCI's.
pub(crate) const RESET_PORT: u16 = 0xcf9;
