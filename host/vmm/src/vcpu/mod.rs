//! One processor: made, and run until it ends or is told to stop. What it reads
//! and writes goes to the [`Bus`].

mod cpuid;
mod fault;
mod registers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kvm_bindings::{CpuId, KVM_SYSTEM_EVENT_RESET, KVM_SYSTEM_EVENT_SHUTDOWN};
use kvm_ioctls::{VcpuExit, VcpuFd, VmFd};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

pub(crate) use self::cpuid::address_bits;
pub use self::fault::VcpuFault;
use crate::boot::Entry;
use crate::bus::Bus;
use crate::hypervisor::HypervisorError;
use crate::machine::Ended;
use crate::power::PowerRequest;
use crate::spec::CpuCount;

/// What all of a machine's processors are made of.
pub(crate) struct VcpuRecipe<'a> {
    pub(crate) vm: &'a VmFd,
    pub(crate) memory: &'a GuestMemoryMmap,
    pub(crate) cpus: CpuCount,
    pub(crate) cpuid: &'a CpuId,
    pub(crate) deadline_timer: bool,
    pub(crate) bus: &'a Arc<Bus>,
}

impl VcpuRecipe<'_> {
    /// All processors: the first begins at `entry`, and wakes the others.
    pub(crate) fn make(&self, entry: Entry) -> Result<Vec<Vcpu>, HypervisorError> {
        (0..self.cpus.get())
            .map(|index| self.make_one(index, entry))
            .collect()
    }

    fn make_one(&self, index: u8, entry: Entry) -> Result<Vcpu, HypervisorError> {
        let refused = HypervisorError::refused;
        let too_much = || kvm_ioctls::Error::new(libc::E2BIG);
        let fd = self
            .vm
            .create_vcpu(index.into())
            .map_err(refused("make a processor"))?;
        cpuid::for_cpu(self.cpuid, index, self.cpus, self.deadline_timer)
            .ok_or_else(too_much)
            .and_then(|cpuid| fd.set_cpuid2(&cpuid))
            .map_err(refused("describe a processor to the guest"))?;
        registers::model_specific()
            .ok_or_else(too_much)
            .and_then(|registers| fd.set_msrs(&registers))
            .map_err(refused("set a processor's model-specific registers"))?;
        if index == 0 {
            registers::write_descriptors(entry, self.memory)
                .map_err(|_| kvm_ioctls::Error::new(libc::EFAULT))
                .and_then(|()| fd.get_sregs())
                .and_then(|reset| fd.set_sregs(&registers::special(entry, reset)))
                .and_then(|()| fd.set_regs(&registers::general(entry)))
                .map_err(refused("set the first processor's registers"))?;
        }
        Ok(Vcpu {
            index,
            fd,
            bus: Arc::clone(self.bus),
            memory: self.memory.clone(),
        })
    }
}

/// A processor.
pub(crate) struct Vcpu {
    index: u8,
    fd: VcpuFd,
    bus: Arc<Bus>,
    /// Keeps what KVM has the guest's memory in.
    memory: GuestMemoryMmap,
}

impl Vcpu {
    /// Which it is.
    pub(crate) fn index(&self) -> u8 {
        self.index
    }

    /// Runs it on this thread until the machine ends by its doing (an answer), or
    /// is to stop (none). Whoever sets `stopping` signals this thread, again and
    /// again until it has ended: one signal may come just before it enters the
    /// guest.
    pub(crate) fn run(mut self, stopping: &AtomicBool) -> Option<Ended> {
        while !stopping.load(Ordering::Acquire) {
            if let Some(ended) = self.enter() {
                return Some(ended);
            }
        }
        None
    }

    /// Enters the guest once. What it asks for on leaving is done in place, and
    /// answered by the next entry.
    fn enter(&mut self) -> Option<Ended> {
        let index = self.index;
        let request = match self.fd.run() {
            Ok(VcpuExit::IoIn(port, into)) => {
                self.bus.read_port(port, into);
                None
            }
            Ok(VcpuExit::IoOut(port, bytes)) => self.bus.write_port(port, bytes),
            Ok(VcpuExit::MmioRead(address, into)) => {
                self.bus.read_memory(address, into);
                None
            }
            Ok(VcpuExit::MmioWrite(address, bytes)) => {
                self.bus.write_memory(address, bytes);
                None
            }
            Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_SHUTDOWN, _)) => Some(PowerRequest::Off),
            Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_RESET, _)) => Some(PowerRequest::Reset),
            Ok(VcpuExit::Intr) => None,
            Ok(VcpuExit::Shutdown) => return Some(Ended::TripleFault { cpu: index }),
            Ok(VcpuExit::InternalError) => return Some(self.internal_error()),
            Ok(VcpuExit::FailEntry(reason, _)) => {
                return Some(failed(index, VcpuFault::FailedEntry { reason }));
            }
            Ok(other) => {
                let reason = format!("{other:?}");
                return Some(failed(index, VcpuFault::Unexpected { reason }));
            }
            // A signal, or a processor that was just woken.
            Err(error) if matches!(error.errno(), libc::EINTR | libc::EAGAIN) => None,
            Err(error) => {
                let reason = error.to_string();
                return Some(failed(index, VcpuFault::RunFailed { reason }));
            }
        };
        request.map(Ended::from)
    }

    fn internal_error(&mut self) -> Ended {
        // SAFETY: the exit's reason says that this member of the union was
        // written, and any bits are a valid `u32`.
        let suberror = unsafe { self.fd.get_kvm_run().__bindgen_anon_1.internal.suberror };
        let address = self.fd.get_regs().map_or(0, |registers| registers.rip);
        failed(
            self.index,
            VcpuFault::InternalError {
                suberror,
                address,
                instruction: self.instruction_at(address),
            },
        )
    }

    /// What stands at a virtual address, as far as it can be read: up to the end
    /// of its page.
    fn instruction_at(&self, address: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Ok(found) = self.fd.translate_gva(address)
            && found.valid != 0
        {
            let at = GuestAddress(found.physical_address);
            let mut buffer = [0; fault::MAX_INSTRUCTION_BYTES];
            let in_page = 4096_u64.saturating_sub(address & 0xfff);
            let wanted = usize::try_from(in_page).map_or(0, |left| left.min(buffer.len()));
            if let Some(buffer) = buffer.get_mut(..wanted)
                && self.memory.read_slice(buffer, at).is_ok()
            {
                bytes.extend_from_slice(buffer);
            }
        }
        bytes
    }
}

fn failed(cpu: u8, fault: VcpuFault) -> Ended {
    Ended::Failed { cpu, fault }
}
