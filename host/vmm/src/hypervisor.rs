//! `/dev/kvm`: opened, checked for what a machine needs, and a virtual machine
//! of it with memory and interrupt controllers.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kvm_bindings::{
    CpuId, KVM_MAX_CPUID_ENTRIES, KVM_PIT_SPEAKER_DUMMY, kvm_pit_config,
    kvm_userspace_memory_region,
};
use kvm_ioctls::{Cap, Kvm, VmFd};
use vm_memory::{GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use crate::layout::{KVM_IDENTITY_MAP_ADDRESS, KVM_TSS_ADDRESS};
use crate::spec::CpuCount;

/// Where KVM is.
pub(crate) const KVM_PATH: &str = "/dev/kvm";

/// The one version of KVM's interface that there is.
const API_VERSION: i32 = 12;

/// What a machine cannot do without, as the KVM API calls it.
const NEEDED: [(Cap, &str); 10] = [
    (Cap::Irqchip, "KVM_CAP_IRQCHIP"),
    (Cap::UserMemory, "KVM_CAP_USER_MEMORY"),
    (Cap::SetTssAddr, "KVM_CAP_SET_TSS_ADDR"),
    (Cap::SetIdentityMapAddr, "KVM_CAP_SET_IDENTITY_MAP_ADDR"),
    (Cap::ExtCpuid, "KVM_CAP_EXT_CPUID"),
    (Cap::Pit2, "KVM_CAP_PIT2"),
    (Cap::Irqfd, "KVM_CAP_IRQFD"),
    (Cap::Ioeventfd, "KVM_CAP_IOEVENTFD"),
    (Cap::IrqRouting, "KVM_CAP_IRQ_ROUTING"),
    (Cap::SignalMsi, "KVM_CAP_SIGNAL_MSI"),
];

/// Why there is no virtual machine: the host's fault.
#[derive(Debug, thiserror::Error)]
pub enum HypervisorError {
    /// There is no such device.
    #[error(
        "there is no {}: this host has no virtualization, or KVM is not loaded; try `modprobe \
         kvm_intel` or `modprobe kvm_amd`, switch VT-x or AMD-V on in the firmware, or, where this \
         host is a virtual machine or a container itself, let it have KVM",
        path.display()
    )]
    Missing {
        /// The device.
        path: PathBuf,
    },
    /// This user may not open it.
    #[error(
        "this user may not open {}; join the group that owns it, `kvm` on most systems: `sudo \
         usermod -aG kvm $USER`, and log in again",
        path.display()
    )]
    Forbidden {
        /// The device.
        path: PathBuf,
    },
    /// It cannot be opened for another reason.
    #[error("cannot open {}: {source}", path.display())]
    Unopened {
        /// The device.
        path: PathBuf,
        /// What the system says.
        source: kvm_ioctls::Error,
    },
    /// It is something else.
    #[error("{} is not KVM, or one of another version: it answers {version}, not {API_VERSION}", path.display())]
    NotKvm {
        /// The device.
        path: PathBuf,
        /// The version of its interface.
        version: i32,
    },
    /// It cannot do what we need.
    #[error("the KVM of this host lacks {}; a newer Linux kernel on this host has it", missing.join(", "))]
    Lacks {
        /// Capabilities, as the KVM API calls them.
        missing: Vec<&'static str>,
    },
    /// More processors than it gives.
    #[error(
        "the guest is to have {asked} processors, and the KVM of this host gives it {most} at most"
    )]
    TooManyCpus {
        /// What the guest is to have.
        asked: u8,
        /// What it can have.
        most: usize,
    },
    /// A call failed.
    #[error("KVM cannot {what}: {source}{}", hint(source))]
    Refused {
        /// What was asked.
        what: &'static str,
        /// What the system says.
        source: kvm_ioctls::Error,
    },
}

impl HypervisorError {
    /// For `map_err`: `what` was refused.
    pub(crate) fn refused(what: &'static str) -> impl Fn(kvm_ioctls::Error) -> Self {
        move |source| Self::Refused { what, source }
    }
}

/// What helps against an error that says little by itself.
fn hint(error: &kvm_ioctls::Error) -> &'static str {
    match error.errno() {
        libc::ENOMEM => "; the host is out of memory: give the guest less, or stop something",
        libc::EMFILE | libc::ENFILE => "; too many files are open: raise `ulimit -n`",
        libc::EBUSY => "; another hypervisor has the processor: stop it",
        _ => "",
    }
}

/// KVM, open and found to have all that we need.
pub(crate) struct Hypervisor {
    kvm: Kvm,
}

impl Hypervisor {
    /// Opens it.
    pub(crate) fn open(path: &Path) -> Result<Self, HypervisorError> {
        let unopened = |source: kvm_ioctls::Error| {
            let path = path.to_owned();
            match source.errno() {
                libc::ENOENT | libc::ENODEV | libc::ENXIO => HypervisorError::Missing { path },
                libc::EACCES | libc::EPERM => HypervisorError::Forbidden { path },
                _ => HypervisorError::Unopened { path, source },
            }
        };
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| unopened(kvm_ioctls::Error::new(libc::ENOENT)))?;
        let kvm = Kvm::new_with_path(name).map_err(unopened)?;
        let version = kvm.get_api_version();
        if version != API_VERSION {
            let path = path.to_owned();
            return Err(HypervisorError::NotKvm { path, version });
        }
        let missing: Vec<_> = NEEDED
            .into_iter()
            .filter_map(|(cap, name)| (!kvm.check_extension(cap)).then_some(name))
            .collect();
        if missing.is_empty() {
            Ok(Self { kvm })
        } else {
            Err(HypervisorError::Lacks { missing })
        }
    }

    /// Whether it gives a guest so many processors.
    pub(crate) fn check_cpus(&self, cpus: CpuCount) -> Result<(), HypervisorError> {
        let most = self.kvm.get_max_vcpus();
        if usize::from(cpus.get()) > most {
            let asked = cpus.get();
            return Err(HypervisorError::TooManyCpus { asked, most });
        }
        Ok(())
    }

    /// What processors it can show to a guest.
    pub(crate) fn cpuid(&self) -> Result<CpuId, HypervisorError> {
        self.kvm
            .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
            .map_err(HypervisorError::refused("say what processors it has"))
    }

    /// Whether it emulates the local APIC's TSC deadline timer. Its CPUID does not
    /// say so (KVM API, `KVM_CAP_TSC_DEADLINE_TIMER`).
    pub(crate) fn has_deadline_timer(&self) -> bool {
        self.kvm.check_extension(Cap::TscDeadlineTimer)
    }

    /// A virtual machine with this memory, interrupt controllers and a timer, and
    /// no processors.
    ///
    /// The caller keeps the memory for as long as a processor may run.
    pub(crate) fn create_vm(&self, memory: &GuestMemoryMmap) -> Result<Arc<VmFd>, HypervisorError> {
        let refused = HypervisorError::refused;
        let vm = self
            .kvm
            .create_vm()
            .map_err(refused("make a virtual machine"))?;
        // Before there are processors, as Intel's need it.
        vm.set_identity_map_address(KVM_IDENTITY_MAP_ADDRESS)
            .and_then(|()| vm.set_tss_address(KVM_TSS_ADDRESS))
            .map_err(refused("set its own pages aside"))?;
        vm.create_irq_chip()
            .map_err(refused("make interrupt controllers"))?;
        // A kernel without ACPI, or without a deadline timer, has no other clock
        // to calibrate its timers by.
        let pit = kvm_pit_config {
            flags: KVM_PIT_SPEAKER_DUMMY,
            ..kvm_pit_config::default()
        };
        vm.create_pit2(pit).map_err(refused("make a timer"))?;
        for (slot, region) in (0..).zip(memory.iter()) {
            let region = kvm_userspace_memory_region {
                slot,
                guest_phys_addr: region.start_addr().0,
                memory_size: region.len(),
                userspace_addr: u64::try_from(region.as_ptr().addr()).unwrap_or(0),
                flags: 0,
            };
            // SAFETY: the region is mapped, by `memory`. Only a running processor
            // reaches it through KVM, and each `Vcpu` holds a clone of `memory`.
            unsafe { vm.set_user_memory_region(region) }
                .map_err(refused("take the guest's memory"))?;
        }
        Ok(Arc::new(vm))
    }
}

#[cfg(test)]
#[path = "hypervisor_tests.rs"]
mod tests;
