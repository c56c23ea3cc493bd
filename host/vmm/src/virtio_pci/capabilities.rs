//! A virtio function's configuration space: who it is, and where its BAR has
//! what (VIRTIO 1.2, sections 4.1.2 and 4.1.4).

use super::msix::{ENABLE, MASK_ALL};
use super::regions::{
    COMMON, COMMON_BYTES, DEVICE, DEVICE_BYTES, ISR, ISR_BYTES, NOTIFY, PENDING, TABLE, bar_bytes,
    notify_bytes,
};
use crate::kicks::NOTIFY_SPACING;
use crate::pci::config_space::{
    BAR_0, CAPABILITIES, COMMAND, COMMAND_BUS_MASTER, COMMAND_MEMORY, COMMAND_NO_INTX, ConfigSpace,
    INTERRUPT_LINE, INTERRUPT_PIN, Identity, STATUS, STATUS_CAPABILITIES,
};
use crate::wiring::Gsi;

/// Red Hat, whose number every virtio device has.
const VENDOR: u16 = 0x1af4;
/// The device number of a modern device, its device id 0 (section 4.1.2.1).
const FIRST_DEVICE: u16 = 0x1040;
/// Any of 0x40 and above is right; Windows' drivers look for this one.
const SUBSYSTEM: u16 = 0x1100;
/// The device id of a console.
const CONSOLE: u16 = 3;

/// INTA: what a device with one function has.
const INT_A: u8 = 1;

const MSIX_ID: u8 = 0x11;
const VENDOR_ID: u8 = 0x09;

/// Where the capabilities are: one after the other.
const MSIX: u8 = 0x40;
const COMMON_CAPABILITY: u8 = 0x4c;
const ISR_CAPABILITY: u8 = 0x5c;
const DEVICE_CAPABILITY: u8 = 0x6c;
const NOTIFY_CAPABILITY: u8 = 0x7c;
const WINDOW_CAPABILITY: u8 = 0x90;

/// MSI-X's message control register, 16 bits.
pub(super) const MSIX_CONTROL: u16 = MSIX as u16 + 2;
/// The window's BAR, its offset in it and its width: 8, 32 and 32 bits.
const WINDOW_BAR: u16 = WINDOW_CAPABILITY as u16 + 4;
const WINDOW_OFFSET: u16 = WINDOW_CAPABILITY as u16 + 8;
const WINDOW_LENGTH: u16 = WINDOW_CAPABILITY as u16 + 12;
/// The window itself: 4 bytes.
pub(super) const WINDOW_DATA: u16 = WINDOW_CAPABILITY as u16 + 16;

/// `cfg_type` (section 4.1.4).
const COMMON_CFG: u8 = 1;
const NOTIFY_CFG: u8 = 2;
const ISR_CFG: u8 = 3;
const DEVICE_CFG: u8 = 4;
const PCI_CFG: u8 = 5;

/// The configuration space of a function that no guest has touched, its BAR
/// nowhere yet.
pub(super) fn config_space(device_id: u16, queues: u16, vectors: u16, line: Gsi) -> ConfigSpace {
    let mut space = ConfigSpace::new(Identity {
        vendor: VENDOR,
        device: FIRST_DEVICE.saturating_add(device_id),
        // Section 4.1.2.1: 1 or higher for a device that is not transitional.
        revision: 1,
        // A console is a communication controller of no other kind.
        class: match device_id {
            CONSOLE => [0x07, 0x80, 0x00],
            _ => [0xff, 0x00, 0x00],
        },
        subsystem_vendor: VENDOR,
        subsystem: SUBSYSTEM,
    });
    // A driver says that the function may write to memory, and nobody here asks:
    // a device that has queues writes to them.
    let command = COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_NO_INTX;
    space.let_write(COMMAND, &command.to_le_bytes());
    space.set(STATUS, &STATUS_CAPABILITIES.to_le_bytes());
    // 32 bits, and not prefetchable, since reads have effects. The bits below the
    // size read as zero, whatever is written: so a guest finds the size.
    let place = bar_bytes(queues).wrapping_neg();
    space.let_write(BAR_0, &place.to_le_bytes());
    let line = u8::try_from(line.0).unwrap_or(0xff);
    space.set(INTERRUPT_LINE, &[line]);
    space.let_write(INTERRUPT_LINE, &[0xff]);
    space.set(INTERRUPT_PIN, &[INT_A]);
    add_capabilities(&mut space, queues, vectors);
    space
}

fn add_capabilities(space: &mut ConfigSpace, queues: u16, vectors: u16) {
    space.set(CAPABILITIES, &[MSIX]);
    let mut add = |at: u8, words: &[u32]| {
        for (place, word) in (u16::from(at)..).step_by(4).zip(words) {
            space.set(place, &word.to_le_bytes());
        }
    };
    // All are in BAR 0. MSI-X has its size, less one, beside its head.
    let last_vector = u32::from(vectors.saturating_sub(1)) << 16;
    let msix = u32::from_le_bytes([MSIX_ID, COMMON_CAPABILITY, 0, 0]) | last_vector;
    let common = vendor(ISR_CAPABILITY, 16, COMMON_CFG);
    let isr = vendor(DEVICE_CAPABILITY, 16, ISR_CFG);
    let device = vendor(NOTIFY_CAPABILITY, 16, DEVICE_CFG);
    let notify = vendor(WINDOW_CAPABILITY, 20, NOTIFY_CFG);
    let notify_bytes = notify_bytes(queues);
    let window = vendor(0, 20, PCI_CFG);
    add(MSIX, &[msix, TABLE, PENDING]);
    add(COMMON_CAPABILITY, &[common, 0, COMMON, COMMON_BYTES]);
    add(ISR_CAPABILITY, &[isr, 0, ISR, ISR_BYTES]);
    add(DEVICE_CAPABILITY, &[device, 0, DEVICE, DEVICE_BYTES]);
    add(
        NOTIFY_CAPABILITY,
        &[notify, 0, NOTIFY, notify_bytes, NOTIFY_SPACING],
    );
    add(WINDOW_CAPABILITY, &[window]);
    space.let_write(MSIX_CONTROL, &(ENABLE | MASK_ALL).to_le_bytes());
    space.let_write(WINDOW_BAR, &[0xff]);
    space.let_write(WINDOW_OFFSET, &[0xff; 8]);
    space.let_write(WINDOW_DATA, &[0xff; 4]);
}

/// The head of one of virtio's capabilities: where the next one is, how many
/// bytes this one has, and what it is of.
fn vendor(next: u8, bytes: u8, kind: u8) -> u32 {
    u32::from_le_bytes([VENDOR_ID, next, bytes, kind])
}

/// What the PCI configuration access capability leads to (section 4.1.4.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Where in BAR 0.
    pub(super) offset: u64,
    /// How many bytes: 1, 2 or 4.
    pub(super) bytes: usize,
}

impl Window {
    /// None where the driver has set it to what is not there, or to no width
    /// that there is.
    pub(super) fn of(space: &ConfigSpace) -> Option<Self> {
        let mut bar = [0xff];
        space.read(WINDOW_BAR, &mut bar);
        let offset = space.u32_at(WINDOW_OFFSET);
        let bytes = space.u32_at(WINDOW_LENGTH);
        let fine = bar == [0] && matches!(bytes, 1 | 2 | 4) && offset.is_multiple_of(bytes);
        fine.then_some(Self {
            offset: u64::from(offset),
            bytes: usize::try_from(bytes).ok()?,
        })
    }
}

/// Whether an access to configuration space touches the window.
pub(super) fn touches_window(offset: u16, bytes: usize) -> bool {
    let start = usize::from(offset);
    let window = usize::from(WINDOW_DATA);
    start < window.saturating_add(4) && start.saturating_add(bytes) > window
}

#[cfg(test)]
#[path = "capabilities_tests.rs"]
mod tests;
