//! Where each GSI leads: the table that KVM takes as a whole.

use std::collections::BTreeMap;
use std::io;

use kvm_bindings::{
    KVM_IRQ_ROUTING_IRQCHIP, KVM_IRQ_ROUTING_MSI, KVM_IRQCHIP_IOAPIC, KVM_IRQCHIP_PIC_MASTER,
    KVM_IRQCHIP_PIC_SLAVE, KvmIrqRouting, kvm_irq_routing_entry,
    kvm_irq_routing_entry__bindgen_ty_1 as Target, kvm_irq_routing_irqchip, kvm_irq_routing_msi,
};

use crate::wiring::{Gsi, MsiMessage};

/// The pins of KVM's IOAPIC.
const IOAPIC_PINS: u32 = 24;
/// The pins of each of its two PICs.
const PIC_PINS: u32 = 8;
/// The first GSI that is a message: the pins come before it.
const FIRST_MESSAGE: u32 = IOAPIC_PINS;
/// The first that is not: KVM takes numbers below 4096 (KVM_MAX_IRQ_ROUTES).
const MESSAGES_END: u32 = 4096;
/// How many messages there can be: KVM takes 4096 routes, and each pin is one.
const MAX_MESSAGES: usize = 4096 - 24 - 16;

/// Whether this is a pin of an interrupt controller, and no message.
pub(super) fn is_pin(gsi: Gsi) -> bool {
    gsi.0 < IOAPIC_PINS
}

/// The messages that GSIs lead to.
#[derive(Default)]
pub(super) struct Routes(BTreeMap<u32, MsiMessage>);

impl Routes {
    /// Gives a message the lowest number that is free. None where there is none.
    pub(super) fn add(&mut self, message: MsiMessage) -> Option<Gsi> {
        if self.0.len() >= MAX_MESSAGES {
            return None;
        }
        // Numbers are in order, so the first that is not as it should be is a gap.
        let taken = self.0.keys().map(Some).chain(std::iter::repeat(None));
        let mut numbers = (FIRST_MESSAGE..MESSAGES_END).zip(taken);
        let (gsi, _) = numbers.find(|(number, taken)| *taken != Some(number))?;
        self.0.insert(gsi, message);
        Some(Gsi(gsi))
    }

    /// Frees a number.
    pub(super) fn remove(&mut self, gsi: Gsi) {
        self.0.remove(&gsi.0);
    }

    /// All routes, the pins' included.
    ///
    /// # Errors
    ///
    /// There are too many for KVM, which [`MAX_MESSAGES`] rules out.
    pub(super) fn table(&self) -> io::Result<KvmIrqRouting> {
        let ioapic = (0..IOAPIC_PINS).map(|pin| to_pin(pin, KVM_IRQCHIP_IOAPIC, pin));
        let master = (0..PIC_PINS).map(|pin| to_pin(pin, KVM_IRQCHIP_PIC_MASTER, pin));
        let slave = (0..PIC_PINS)
            .map(|pin| to_pin(pin.saturating_add(PIC_PINS), KVM_IRQCHIP_PIC_SLAVE, pin));
        let messages = self
            .0
            .iter()
            .map(|(gsi, message)| to_message(*gsi, *message));
        let all: Vec<_> = ioapic.chain(master).chain(slave).chain(messages).collect();
        KvmIrqRouting::from_entries(&all).map_err(|error| io::Error::other(format!("{error:?}")))
    }
}

fn to_pin(gsi: u32, irqchip: u32, pin: u32) -> kvm_irq_routing_entry {
    let irqchip = kvm_irq_routing_irqchip { irqchip, pin };
    route(gsi, KVM_IRQ_ROUTING_IRQCHIP, Target { irqchip })
}

fn to_message(gsi: u32, message: MsiMessage) -> kvm_irq_routing_entry {
    let [a, b, c, d, e, f, g, h] = message.address.to_le_bytes();
    let msi = kvm_irq_routing_msi {
        address_lo: u32::from_le_bytes([a, b, c, d]),
        address_hi: u32::from_le_bytes([e, f, g, h]),
        data: message.data,
        ..Default::default()
    };
    route(gsi, KVM_IRQ_ROUTING_MSI, Target { msi })
}

fn route(gsi: u32, type_: u32, u: Target) -> kvm_irq_routing_entry {
    kvm_irq_routing_entry {
        gsi,
        type_,
        u,
        ..Default::default()
    }
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
