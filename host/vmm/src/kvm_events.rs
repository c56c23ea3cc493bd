//! The wiring by KVM: ioeventfds, irqfds, and the table that says where each
//! GSI leads.

mod routes;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use kvm_ioctls::{IoEventAddress, NoDatamatch, VmFd};
use vmm_sys_util::eventfd::EventFd;

use crate::wiring::{EventWiring, Gsi, IoEvent, MsiMessage};
use routes::Routes;

/// The wiring of a virtual machine with an in-kernel irqchip. It owns the
/// machine's GSI routes: nothing else may set them.
pub struct KvmEvents {
    vm: Arc<VmFd>,
    routes: Mutex<Routes>,
}

impl KvmEvents {
    /// For a machine whose irqchip has been made. KVM's own routes stay as they
    /// are: GSI 0 to 15 to both interrupt controllers, to 23 to the IOAPIC.
    pub fn new(vm: Arc<VmFd>) -> Self {
        let routes = Mutex::default();
        Self { vm, routes }
    }

    fn with_routes<T>(&self, how: impl FnOnce(&mut Routes) -> T) -> T {
        how(&mut self.routes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EventWiring for KvmEvents {
    fn add_io_event(&self, at: IoEvent, event: &EventFd) -> io::Result<()> {
        let address = IoEventAddress::Mmio(at.address);
        Ok(match at.value {
            Some(value) => self.vm.register_ioevent(event, &address, value),
            None => self.vm.register_ioevent(event, &address, NoDatamatch),
        }?)
    }

    fn remove_io_event(&self, at: IoEvent, event: &EventFd) -> io::Result<()> {
        let address = IoEventAddress::Mmio(at.address);
        Ok(match at.value {
            Some(value) => self.vm.unregister_ioevent(event, &address, value),
            None => self.vm.unregister_ioevent(event, &address, NoDatamatch),
        }?)
    }

    fn connect_message(&self, message: MsiMessage, event: &EventFd) -> io::Result<Gsi> {
        // One lock for both calls: KVM's table is always the newest of ours.
        self.with_routes(|routes| {
            let gsi = routes.add(message).ok_or(io::ErrorKind::StorageFull)?;
            let connected = routes
                .table()
                .and_then(|table| Ok(self.vm.set_gsi_routing(&table)?))
                .and_then(|()| Ok(self.vm.register_irqfd(event, gsi.0)?));
            if connected.is_err() {
                routes.remove(gsi);
            }
            connected.map(|()| gsi)
        })
    }

    fn disconnect_message(&self, gsi: Gsi, event: &EventFd) -> io::Result<()> {
        self.with_routes(|routes| {
            // KVM forgets the route with the next table: nothing leads to it now.
            routes.remove(gsi);
            Ok(self.vm.unregister_irqfd(event, gsi.0)?)
        })
    }

    fn set_line(&self, line: Gsi, high: bool) -> io::Result<()> {
        // KVM takes any number, and does nothing for those that lead nowhere.
        if !routes::is_pin(line) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(self.vm.set_irq_line(line.0, high)?)
    }
}

#[cfg(test)]
#[path = "kvm_events_tests.rs"]
mod tests;
