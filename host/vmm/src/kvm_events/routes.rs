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
/// The first that is not: KVM takes 4096 routes (KVM_MAX_IRQ_ROUTES), and the pins
/// have 24 and 16 of them.
const MESSAGES_END: u32 = FIRST_MESSAGE + 4096 - 24 - 16;

/// Whether this is a pin of an interrupt controller, and no message.
pub(super) fn is_pin(gsi: Gsi) -> bool {
    gsi.0 < IOAPIC_PINS
}

/// The messages that GSIs lead to.
///
/// KVM takes the table anew for each change, which costs more the longer it is.
/// So a message that several events send has one number, and one that none does
/// any more (it is masked) keeps its number until another message needs it.
#[derive(Default)]
pub(super) struct Routes(BTreeMap<u32, Route>);

struct Route {
    message: MsiMessage,
    /// How many events lead to it.
    events: usize,
}

/// A message's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It is in the table already.
    Known(Gsi),
    /// KVM has to be given the table.
    New(Gsi),
}

impl Routes {
    /// One more event is to lead to this message. None where there is no number
    /// left for it.
    pub(super) fn add(&mut self, message: MsiMessage) -> Option<Added> {
        if let Some((gsi, route)) = self.0.iter_mut().find(|(_, one)| one.message == message) {
            route.events = route.events.saturating_add(1);
            return Some(Added::Known(Gsi(*gsi)));
        }
        // The lowest: events are connected anew in the order of their numbers, so
        // it is the message's own where that has changed, and not the next one's.
        let mut numbers = FIRST_MESSAGE..MESSAGES_END;
        let gsi = numbers.find(|gsi| self.0.get(gsi).is_none_or(|route| route.events == 0))?;
        self.0.insert(gsi, Route { message, events: 1 });
        Some(Added::New(Gsi(gsi)))
    }

    /// One event less leads there.
    pub(super) fn remove(&mut self, gsi: Gsi) {
        if let Some(route) = self.0.get_mut(&gsi.0) {
            route.events = route.events.saturating_sub(1);
        }
    }

    /// KVM did not take a number that is [`Added::New`].
    pub(super) fn forget(&mut self, gsi: Gsi) {
        self.0.remove(&gsi.0);
    }

    /// All routes, the pins' included.
    ///
    /// # Errors
    ///
    /// There are too many for KVM, which [`MESSAGES_END`] rules out.
    pub(super) fn table(&self) -> io::Result<KvmIrqRouting> {
        let ioapic = (0..IOAPIC_PINS).map(|pin| to_pin(pin, KVM_IRQCHIP_IOAPIC, pin));
        let master = (0..PIC_PINS).map(|pin| to_pin(pin, KVM_IRQCHIP_PIC_MASTER, pin));
        let slave = (0..PIC_PINS)
            .map(|pin| to_pin(pin.saturating_add(PIC_PINS), KVM_IRQCHIP_PIC_SLAVE, pin));
        let messages = self
            .0
            .iter()
            .map(|(gsi, route)| to_message(*gsi, route.message));
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
