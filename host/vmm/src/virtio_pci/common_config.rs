//! The common configuration structure (VIRTIO 1.2, section 4.1.4.3): registers
//! for the transport's state.

use super::PciEvents;
use super::interrupts::Why;
use super::regions::COMMON_BYTES;
use crate::registers;
use crate::transport::Transport;
use crate::transport::queue::{Part, QueueSetup};

/// Reads any bytes of it: no read changes anything, so they are taken from the
/// whole structure as it is now.
pub(super) fn read(offset: u64, into: &mut [u8], transport: &Transport, events: &PciEvents) {
    registers::read(&whole(transport, events), offset, into);
}

/// Writes one field, at its own width. A 64-bit field is written as a whole or
/// by its halves; all else is ignored (section 4.1.3.1).
pub(super) fn write(offset: u64, bytes: &[u8], transport: &mut Transport, events: &mut PciEvents) {
    match (offset, bytes) {
        (0, &[a, b, c, d]) => transport.device_feature_select = u32::from_le_bytes([a, b, c, d]),
        (8, &[a, b, c, d]) => transport.driver_feature_select = u32::from_le_bytes([a, b, c, d]),
        (12, &[a, b, c, d]) => transport.choose_features(u32::from_le_bytes([a, b, c, d])),
        (16, &[a, b]) => events
            .interrupts
            .set_vector(Why::Config, u16::from_le_bytes([a, b])),
        (20, &[status]) => transport.write_status(status, events),
        (22, &[a, b]) => transport.queue_select = u16::from_le_bytes([a, b]),
        (24, &[a, b]) => {
            let size = u32::from(u16::from_le_bytes([a, b]));
            transport.set_up(|queue| queue.set_size(size));
        }
        (26, &[a, b]) => {
            let queue = Why::Queue(transport.queue_select);
            events
                .interrupts
                .set_vector(queue, u16::from_le_bytes([a, b]));
        }
        (28, &[a, b]) => transport.enable_queue(u16::from_le_bytes([a, b]) == 1, events),
        (32 | 36 | 40 | 44 | 48 | 52, &[a, b, c, d]) => {
            write_address(offset, u32::from_le_bytes([a, b, c, d]), transport);
        }
        (32 | 40 | 48, &[a, b, c, d, e, f, g, h]) => {
            write_address(offset, u32::from_le_bytes([a, b, c, d]), transport);
            let high = offset.saturating_add(4);
            write_address(high, u32::from_le_bytes([e, f, g, h]), transport);
        }
        _ => {}
    }
}

fn write_address(offset: u64, value: u32, transport: &mut Transport) {
    let (part, half) = match offset {
        32 => (Part::Descriptors, 0),
        36 => (Part::Descriptors, 1),
        40 => (Part::Available, 0),
        44 => (Part::Available, 1),
        48 => (Part::Used, 0),
        _ => (Part::Used, 1),
    };
    transport.set_up(|queue| queue.set_address(part, half, value));
}

/// The structure: its fields in order, which leave no gaps.
fn whole(transport: &Transport, events: &PciEvents) -> [u8; COMMON_BYTES as usize] {
    let select = transport.queue_select;
    // A queue that does not exist has size 0.
    let missing = QueueSetup {
        size: 0,
        ..QueueSetup::default()
    };
    let exists = transport.queue().is_some();
    let queue = transport.queue().unwrap_or(&missing);
    let fields: [&[u8]; 18] = [
        &transport.device_feature_select.to_le_bytes(),
        &transport.device_features().to_le_bytes(),
        &transport.driver_feature_select.to_le_bytes(),
        &transport.driver_features().to_le_bytes(),
        &events.interrupts.vector(Why::Config).to_le_bytes(),
        &transport.queue_count().to_le_bytes(),
        &[transport.status()],
        &[transport.config_generation()],
        &select.to_le_bytes(),
        &queue.size.to_le_bytes(),
        &events.interrupts.vector(Why::Queue(select)).to_le_bytes(),
        &u16::from(queue.enabled).to_le_bytes(),
        // Each queue's notification is at its own index.
        &(if exists { select } else { 0 }).to_le_bytes(),
        &queue.descriptors.to_le_bytes(),
        &queue.available.to_le_bytes(),
        &queue.used.to_le_bytes(),
        // queue_notify_data and queue_reset: their features are not offered.
        &[0; 2],
        &[0; 2],
    ];
    let mut whole = [0; COMMON_BYTES as usize];
    for (place, byte) in whole.iter_mut().zip(fields.into_iter().flatten()) {
        *place = *byte;
    }
    whole
}

#[cfg(test)]
#[path = "common_config_tests.rs"]
mod tests;
