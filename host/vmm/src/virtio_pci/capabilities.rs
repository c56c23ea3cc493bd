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
const MSIX: u16 = 0x40;
const COMMON_CAPABILITY: u16 = 0x4c;
const ISR_CAPABILITY: u16 = 0x5c;
const DEVICE_CAPABILITY: u16 = 0x6c;
const NOTIFY_CAPABILITY: u16 = 0x7c;
const WINDOW_CAPABILITY: u16 = 0x90;

/// MSI-X's message control register, 16 bits.
pub(super) const MSIX_CONTROL: u16 = MSIX + 2;
/// The window's BAR, its offset in it and its width: 8, 32 and 32 bits.
const WINDOW_BAR: u16 = WINDOW_CAPABILITY + 4;
const WINDOW_OFFSET: u16 = WINDOW_CAPABILITY + 8;
const WINDOW_LENGTH: u16 = WINDOW_CAPABILITY + 12;
/// The window itself: 4 bytes.
pub(super) const WINDOW_DATA: u16 = WINDOW_CAPABILITY + 16;

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
    let at = |offset: u16| u8::try_from(offset).unwrap_or(0);
    space.set(CAPABILITIES, &[at(MSIX)]);

    // BAR 0 is in the low three bits of both offsets.
    let [last, last_high] = vectors.saturating_sub(1).to_le_bytes();
    let [t0, t1, t2, t3] = TABLE.to_le_bytes();
    let [p0, p1, p2, p3] = PENDING.to_le_bytes();
    space.set(
        MSIX,
        &[
            MSIX_ID,
            at(COMMON_CAPABILITY),
            last,
            last_high,
            t0,
            t1,
            t2,
            t3,
            p0,
            p1,
            p2,
            p3,
        ],
    );
    space.let_write(MSIX_CONTROL, &(ENABLE | MASK_ALL).to_le_bytes());

    let mut add = |offset, next, kind, start: u32, bytes: u32, rest: Option<u32>| {
        let [s0, s1, s2, s3] = start.to_le_bytes();
        let [b0, b1, b2, b3] = bytes.to_le_bytes();
        let [r0, r1, r2, r3] = rest.unwrap_or(0).to_le_bytes();
        let size = if rest.is_some() { 20 } else { 16 };
        #[rustfmt::skip]
        let whole = [
            VENDOR_ID, at(next), size, kind, 0, 0, 0, 0,
            s0, s1, s2, s3, b0, b1, b2, b3, r0, r1, r2, r3,
        ];
        space.set(offset, whole.get(..usize::from(size)).unwrap_or(&whole));
    };
    let notify = notify_bytes(queues);
    #[rustfmt::skip]
    {
        add(COMMON_CAPABILITY, ISR_CAPABILITY, COMMON_CFG, COMMON, COMMON_BYTES, None);
        add(ISR_CAPABILITY, DEVICE_CAPABILITY, ISR_CFG, ISR, ISR_BYTES, None);
        add(DEVICE_CAPABILITY, NOTIFY_CAPABILITY, DEVICE_CFG, DEVICE, DEVICE_BYTES, None);
        add(NOTIFY_CAPABILITY, WINDOW_CAPABILITY, NOTIFY_CFG, NOTIFY, notify, Some(NOTIFY_SPACING));
        add(WINDOW_CAPABILITY, 0, PCI_CFG, 0, 0, Some(0));
    };
    space.let_write(WINDOW_BAR, &[0xff]);
    space.let_write(WINDOW_OFFSET, &[0xff; 8]);
    space.let_write(WINDOW_DATA, &[0xff; 4]);
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
