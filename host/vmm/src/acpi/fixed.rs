//! FADT: the fixed registers of [`crate::power`] (ACPI 6.5, 5.2.9).
//!
//! These are a PC's: not "hardware-reduced". A kernel that reads so has no
//! interrupt controller and timer of a PC, and ours has both.

use acpi_tables::Aml;
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};

use super::{OEM_ID, OEM_REVISION, OEM_TABLE_ID};
use crate::layout::{POWER_PORTS, RESET_PORT, SCI_IRQ};
use crate::power::RESET_VALUE;

/// Status and enable, 16 bits each.
const EVENT_BYTES: u8 = 4;

/// Control.
const CONTROL_BYTES: u8 = 2;

/// Latencies of processor states that there are not (5.2.9, `P_LVL2_LAT`).
const NO_C2_LATENCY: u16 = 0x65;
const NO_C3_LATENCY: u16 = 0x3e9;

/// What of a PC there is (5.2.9.3): devices on a bus of its own, which is the
/// serial port. There is no keyboard controller (its bit is left out), and these
/// are not there either.
const LEGACY_DEVICES: u16 = 1 << 0;
const NO_VGA: u16 = 1 << 2;
const NO_CLOCK: u16 = 1 << 5;

/// The table, with the addresses of the two that it points to: below 4 GiB.
pub(super) fn table(description: u64, control: u64) -> impl Aml {
    let low = |address: u64| u32::try_from(address).unwrap_or(0);
    let control_port = POWER_PORTS.start.saturating_add(EVENT_BYTES.into());
    let mut table = FADTBuilder::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION)
        .dsdt_64(description)
        .firmware_ctrl_32(low(control))
        .flag(Flags::Wbinvd)
        // The power button is a fixed one (its flag is left out); there is no
        // button for sleep, and no clock that wakes.
        .flag(Flags::SlpButton)
        .flag(Flags::FixRtc)
        .flag(Flags::ResetRegSup);
    // Both, since some readers know the old one alone.
    table.dsdt = low(description).into();
    table.sci_int = u16::try_from(SCI_IRQ).unwrap_or(0).into();
    table.pm1a_evt_blk = u32::from(POWER_PORTS.start).into();
    table.pm1_evt_len = EVENT_BYTES;
    table.pm1a_cnt_blk = u32::from(control_port).into();
    table.pm1_cnt_len = CONTROL_BYTES;
    table.x_pm1a_evt_blk = port(POWER_PORTS.start, EVENT_BYTES, AccessSize::WordAccess);
    table.x_pm1a_cnt_blk = port(control_port, CONTROL_BYTES, AccessSize::WordAccess);
    table.p_lvl2_lat = NO_C2_LATENCY.into();
    table.p_lvl3_lat = NO_C3_LATENCY.into();
    table.iapc_boot_arch = (LEGACY_DEVICES | NO_VGA | NO_CLOCK).into();
    table.reset_reg = port(RESET_PORT, 1, AccessSize::ByteAccess);
    table.reset_value = RESET_VALUE;
    table.finalize()
}

/// A register of so many bytes at a port.
fn port(port: u16, bytes: u8, access: AccessSize) -> GAS {
    let bits = bytes.saturating_mul(8);
    GAS::new(AddressSpace::SystemIo, bits, 0, access, port.into())
}
